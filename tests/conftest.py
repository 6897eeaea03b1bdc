"""Fixtures that all tests share: a real Kafka, and what it said when a test failed."""

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from runtime import kernel_cache
from runtime.installation import HOME
from tests.testkit.kafka.broker import Cluster, missing
from tests.testkit.kafka.locked import LockedCluster

kernel_cache.choose()  # before any test imports a kernel
# How long an example takes is no property of the code: a busy machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

BROKER_FIXTURES = {"kafka", "kafka3", "locked_kafka"}
# Compiling a kind of rule takes longer than testing it: the fast run takes one as an example.
QUICK_KINDS = {"test_slope", "slope"}
# Begin with what takes longest: at the end one process would wait for the other.
FIRST = {"faults": 0, "app": 1, "operate": 1, "lab": 2}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the stored outputs be renewed."""
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write tests/goldens anew from what the commands print now; review the diff like code",
    )


@pytest.fixture(scope="session")
def kafka() -> Iterator[Cluster]:
    """One node, started by the first test that asks and shared by all: make topics of your own."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def locked_kafka() -> Iterator[LockedCluster]:
    """One node that asks who calls and what it may, started by the first test that asks."""
    with LockedCluster() as cluster:
        yield cluster


@pytest.fixture
def kafka3() -> Iterator[Cluster]:
    """Three nodes for this test alone, to be hurt at will."""
    with Cluster(nodes=3) as cluster:
        yield cluster


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that asks for a broker, before marks choose which tests run; order them.

    Kills and outages of real brokers take long, all of them.
    """
    for item in items:
        if BROKER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.broker)
        if _room(item) == "detectors" and item.path.stem not in QUICK_KINDS:
            item.add_marker(pytest.mark.slow)
        marks = {mark.name for mark in item.iter_markers()}
        if _room(item) == "faults" and "broker" in marks and "soak" not in marks:
            item.add_marker(pytest.mark.long)
    items.sort(key=lambda item: FIRST.get(_room(item), len(FIRST)))


def _room(item: pytest.Item) -> str:
    """Folder directly below the tests or the root, as `detectors`."""
    return next((part for part in item.path.relative_to(HOME).parts if part != "tests"), "")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a broker test where no broker can start; fail it where one was promised."""
    if item.get_closest_marker("broker") is None or (reason := missing()) is None:
        return
    if os.environ.get("TOCSIN_REQUIRE_BROKER") or os.environ.get("TOCSIN_CI"):
        pytest.fail(f"a broker is required here: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last lines of each node's log to the report of a failed test."""
    report = yield
    clusters = [
        value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Cluster)
    ]
    if report.failed:
        for cluster in clusters:
            for node in cluster.nodes:
                report.sections.append((f"log of Kafka node {node}", cluster.tail(node)))
    return report


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: all modules and their tests."""
    gc.freeze()

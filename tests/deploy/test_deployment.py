"""Files for systemd, images and Kubernetes: sound, hardened, and in step with the command line."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import pytest
import yaml

from app.cli.parser import parser
from configuration.configuration import Configuration
from operate.console.users import load_users
from runtime.installation import HOME
from tests.deploy.operator_kinds import OPERATOR_KINDS
from tests.tidy import ROOMS

pytestmark = pytest.mark.slow

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
UNITS: Final = sorted((DEPLOY / "systemd").glob("*.service"))
EXPOSURE_MAX: Final = 1.5  # of 10, as `systemd-analyze security` counts; below 2 it says OK
KUBERNETES: Final = "1.32"


def _unit(path: Path, folder: Path) -> Path:
    """A unit as systemd would load it, with a program that is there."""
    program = folder / "tocsin"
    program.touch(mode=0o755)
    text = path.read_text().replace("/opt/tocsin/.venv/bin/tocsin", str(program))
    unit = folder / path.name.replace("@.", "@water.")
    unit.write_text(text)
    return unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_sound_and_exposes_little(path: Path, tmp_path: Path) -> None:
    unit = str(_unit(path, tmp_path))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit],
        capture_output=True, text=True, timeout=60, check=True, env=os.environ | {"LC_ALL": "C"},
    )  # fmt: skip
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE_MAX


def _resources(folder: str) -> list[dict[str, Any]]:
    """Everything that a kustomization lists."""
    place = DEPLOY / "kubernetes" / folder
    listed = yaml.safe_load((place / "kustomization.yaml").read_text())["resources"]
    return [one for name in listed for one in yaml.safe_load_all((place / name).read_text())]


RESOURCES: Final = _resources("base") + _resources("monitoring")


@pytest.mark.parametrize(
    "resource", RESOURCES, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_a_resource_is_what_the_cluster_expects(resource: dict[str, Any]) -> None:
    validate(resource)


def validate(resource: dict[str, Any]) -> None:
    """Refuse what the strict schema of the resource's kind does not know."""
    schema = OPERATOR_KINDS.get(resource["kind"])
    if schema is None:
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
    else:
        jsonschema.validate(resource, schema)


@pytest.mark.parametrize("kind", ["StatefulSet", *OPERATOR_KINDS])
def test_a_misspelt_field_is_refused(kind: str) -> None:
    """Fields of a specification and, where it has parts, of the first of each."""
    resource = next(one for one in RESOURCES if one["kind"] == kind)
    for path in [("spec",), ("spec", "endpoints", 0), ("spec", "triggers", 0, "metadata")]:
        wrong = deepcopy(resource)
        part: Any = wrong
        for step in path:
            part = part.get(step) if isinstance(part, dict) else part[step]
            if part is None:
                break
        else:
            part["intervall"] = "15s"
            with pytest.raises(jsonschema.ValidationError):
                validate(wrong)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here")
@pytest.mark.parametrize("folder", ["base", "monitoring"])
def test_kustomize_builds_what_is_listed(folder: str) -> None:
    built = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / folder)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    kinds = sorted(one["kind"] for one in yaml.safe_load_all(built.stdout))
    assert kinds == sorted(one["kind"] for one in _resources(folder))


def test_the_rules_of_the_operator_are_those_of_the_files() -> None:
    script = DEPLOY / "prometheus" / "prometheus_rule.py"
    made = subprocess.run(
        [sys.executable, str(script), "--print"], capture_output=True, timeout=60, check=True
    )
    assert made.stdout == (DEPLOY / "kubernetes" / "monitoring" / "rules.yaml").read_bytes()


def test_no_more_workers_are_asked_for_than_there_are_lanes() -> None:
    lanes = Configuration.load(HOME / "configs").partitions
    scaled = [one for one in RESOURCES if one["kind"] == "ScaledObject"]
    assert scaled
    for one in scaled:
        lifeline = one["spec"]["scaleTargetRef"]["name"].removeprefix("tocsin-")
        assert one["spec"]["minReplicaCount"] <= one["spec"]["maxReplicaCount"] <= lanes[lifeline]


def _pods() -> Iterator[dict[str, Any]]:
    kinds = {"StatefulSet", "Deployment"}
    return (one["spec"]["template"]["spec"] for one in RESOURCES if one["kind"] in kinds)


def test_no_container_may_write_or_rise() -> None:
    pods = list(_pods())
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"]
            assert not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}


COMPOSE: Final = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())


def test_services_of_a_machine_are_pinned_and_write_nothing_of_ours() -> None:
    for name, service in COMPOSE["services"].items():
        assert re.fullmatch(r"\S+:v?[0-9][\w.-]*", service["image"]), name
        if service["image"].startswith("tocsin:"):
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_what_services_mount_is_there() -> None:
    mounts = [one for service in COMPOSE["services"].values() for one in service.get("volumes", ())]
    files = [DEPLOY / "compose" / one.split(":")[0] for one in mounts if one.startswith(".")]
    assert len(files) > 5
    assert [str(path) for path in files if not path.exists()] == []
    assert {one.split(":")[0] for one in mounts if not one.startswith(".")} == set(
        COMPOSE["volumes"]
    )


def test_the_configuration_of_compose_is_sound(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    shutil.copytree(DEPLOY.parent / "configs", folder)
    shutil.copy(DEPLOY / "compose" / "tocsin.yaml", folder / "tocsin.yaml")
    found = Configuration.load(folder, {})
    assert found.settings.kafka.bootstrap == "kafka:9092"
    assert (found.settings.history.url or "").startswith("postgresql")
    port = found.settings.console.port
    service = COMPOSE["services"]["console"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"], "in the clear, so on loopback alone"
    users = [one for one in service["volumes"] if found.settings.console.users in one]
    assert load_users(DEPLOY / "compose" / users[0].split(":")[0]) == {}


def _commands() -> Iterator[list[str]]:
    """Arguments of `tocsin` wherever a file starts it."""
    for path in UNITS:
        for line in path.read_text().splitlines():
            if line.startswith("ExecStart="):
                yield shlex.split(line.partition("=")[2].replace("${PORT}", "9108"))[1:]
    for pod in _pods():
        for container in pod["containers"]:
            yield container["args"]
    for service in COMPOSE["services"].values():
        if service["image"].startswith("tocsin:"):
            yield service["command"]


def test_each_command_is_one_that_tocsin_knows() -> None:
    commands = list(_commands())
    assert len(commands) >= 8
    consoles = [words for words in commands if words[:2] == ["console", "run"]]
    assert len(consoles) == 3, "systemd, Kubernetes, compose"
    for words in commands:
        parser().parse_args(words)


def test_the_image_holds_every_room_that_runs() -> None:
    text = (DEPLOY / "image" / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+) \1$", text, re.MULTILINE)
    assert sorted(copied) == sorted({*ROOMS, "configs"} - {"benchmarks"})
    settings = yaml.safe_load((DEPLOY.parent / "configs" / "tocsin.yaml").read_text())
    assert f"EXPOSE {settings['http']['port']}\n" in text

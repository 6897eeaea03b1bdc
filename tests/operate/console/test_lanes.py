"""Whether lanes are watched: canaries of each in time, and nothing claimed that is not known."""

import asyncio
import json
import time
from contextlib import suppress

from aiokafka import AIOKafkaProducer

from broker.topics import TopicPlan, ensure, needed
from contracts.kafka import Kafka
from contracts.ports.console import SilentLanes
from contracts.topics import TopicNames
from operate.console.lanes import GAP_S, LATE_S, LaneBeats, LaneCanaries
from tests.testkit.in_process import until
from tests.testkit.kafka.broker import Cluster

LANES = {"water": 2, "power": 1}


class Scene:
    """Beats under a clock that a test turns, with brokers that answer unless told otherwise."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.beats = LaneBeats(LANES, lambda: self.now_s)
        self.beats.looked()

    def passes(self, seconds: float, *lanes: tuple[str, int], answers: bool = True) -> None:
        """Time, in which some lanes tell that they could ring."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + GAP_S / 2, until_s)
            if answers:
                for lifeline, lane in lanes:
                    self.beats.heard(lifeline, lane, int(self.now_s * 1000))
                self.beats.looked()


ALL = (("water", 0), ("water", 1), ("power", 0))


def test_a_lane_that_is_not_heard_in_time_is_silent_since_it_was_heard_last() -> None:
    scene = Scene()
    scene.passes(3 * LATE_S, *ALL)
    assert scene.beats.silent() == []
    since_ms = int(scene.now_s * 1000)
    scene.passes(LATE_S - 1, ("water", 0), ("power", 0))
    assert scene.beats.silent() == [], "it may still come in time"
    scene.passes(2, ("water", 0), ("power", 0))
    assert scene.beats.silent() == [SilentLanes("water", 1, 2, since_ms)]
    scene.passes(5, *ALL)
    assert scene.beats.silent() == []


def test_a_lane_that_was_never_heard_is_silent_after_a_while() -> None:
    scene = Scene()
    scene.passes(LATE_S - 1, ("water", 0))
    assert scene.beats.silent() == []
    scene.passes(2, ("water", 0))
    found = [SilentLanes("power", 1, 1, None), SilentLanes("water", 1, 2, None)]
    assert scene.beats.silent() == found


def test_what_lay_in_the_log_says_since_when_and_accuses_nobody_earlier() -> None:
    scene = Scene()
    scene.beats.heard("power", 0, 5_000, ago_s=250.0)
    scene.passes(LATE_S - 1, ("water", 0), ("water", 1))
    assert scene.beats.silent() == []
    scene.passes(2, ("water", 0), ("water", 1))
    assert scene.beats.silent() == [SilentLanes("power", 1, 1, 5_000)]


def test_of_brokers_that_do_not_answer_nothing_is_known_and_then_all_are_waited_for() -> None:
    scene = Scene()
    scene.passes(2 * LATE_S, ("water", 0))
    assert scene.beats.silent() != []
    scene.passes(GAP_S + 1, answers=False)
    assert scene.beats.silent() is None
    scene.passes(3_600, answers=False)
    scene.passes(LATE_S - 1, ("water", 0))
    assert scene.beats.silent() == [], "nobody could be heard meanwhile"
    scene.passes(GAP_S, ("water", 0))
    assert [one.lifeline for one in scene.beats.silent() or []] == ["power", "water"]


def test_lanes_that_are_not_configured_do_not_count() -> None:
    scene = Scene()
    scene.passes(2 * LATE_S, *ALL, ("water", 7), ("gas", 0))
    assert scene.beats.silent() == []


async def test_without_the_topic_nothing_is_known(kafka: Cluster) -> None:
    watch = LaneCanaries(Kafka(bootstrap=kafka.bootstrap), kafka.unique("none"), LANES)
    following = asyncio.create_task(watch.follow())
    done, _ = await asyncio.wait([following], timeout=GAP_S)
    assert not done, "it tries again"
    assert watch.silent() is None
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_canaries_are_heard_on_the_shadow_topic_among_what_shadows_tell(
    kafka: Cluster,
) -> None:
    names = TopicNames(kafka.unique("canaries"))
    await ensure(needed(LANES, names, TopicPlan(replication=1)), kafka.bootstrap)
    watch = LaneCanaries(Kafka(bootstrap=kafka.bootstrap), names.shadow, LANES)
    following = asyncio.create_task(watch.follow())
    try:
        assert watch.silent() is None, "nobody has answered"
        await until(lambda: watch.silent() is not None)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        before_ms = time.time_ns() // 10**6
        for kind, channel in ((b"shadow", "water.canary-0"), (b"canary", "power.canary-0")):
            body = json.dumps({"id": "a-1", "channel": channel}).encode()
            await producer.send_and_wait(names.shadow, body, headers=[("tocsin", kind)])
        await producer.stop()
        await until(lambda: bool(watch.beats.last("power", 0)))
        assert watch.beats.last("water", 0) is None, "it was no canary"
        assert abs((watch.beats.last("power", 0) or 0) - before_ms) < 60_000
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

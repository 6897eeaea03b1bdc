"""The district of the demo: what hangs on its feeder in the shipped topology, on one clock."""

from configuration.configuration import Configuration
from lab.feeds import district
from runtime.installation import CONFIGS


def test_what_is_known_to_fail_hangs_on_the_feeder_in_the_shipped_topology() -> None:
    topology = Configuration.load(CONFIGS, {}).topology
    children = {edge.child for edge in topology.children(district.FEEDER)}
    (loss,) = district.feed().incidents
    assert loss.assets - {loss.root} <= children
    assert district.OTHER_HOUSE not in children


def test_lifelines_of_the_district_begin_and_end_together_so_that_one_clock_serves_them() -> None:
    feed = district.feed()
    parts = feed.by_lifeline()
    assert [part.lifeline for part in parts] == list(district.LIFELINES)
    assert len({part.readings[0].time_ms for part in parts}) == 1
    assert len({part.readings[-1].time_ms for part in parts}) == 1
    assert sum(len(part.readings) for part in parts) == len(feed.readings)
    times = [reading.time_ms for reading in feed.readings]
    assert times == sorted(times)


def test_the_feed_is_the_same_every_time() -> None:
    assert district.feed() == district.feed()

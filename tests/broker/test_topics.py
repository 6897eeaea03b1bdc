"""The topics that a configuration needs, on a real broker: made, accepted, refused."""

import pytest
from msgspec import structs

from broker.acl import Right, desk_group, rights
from broker.topics import Topic, TopicPlan, desk_topics, ensure, needed
from contracts.errors import ConfigError, FatalError
from contracts.topics import TopicNames
from tests.testkit.kafka.broker import Cluster

ALONE = TopicPlan(replication=1)


def by_name(topics: list[Topic]) -> dict[str, Topic]:
    return {topic.name: topic for topic in topics}


def test_every_lifeline_has_five_topics_of_as_many_partitions_as_lanes() -> None:
    topics = by_name(needed({"water": 4, "drain": 2}, TopicNames("east")))
    assert len(topics) == 12
    for kind in ("telemetry", "commands", "journal", "manifests", "alarms"):
        assert topics[f"east.{kind}.water"].partitions == 4
        assert topics[f"east.{kind}.drain"].partitions == 2
    assert topics["east.dead-letters"].partitions == TopicPlan().dead_letter_partitions


def test_the_journal_is_kept_whole_and_manifests_are_compacted() -> None:
    topics = by_name(needed({"water": 1}, TopicNames()))
    journal = topics["tocsin.journal.water"].settings
    assert (journal["cleanup.policy"], journal["retention.ms"]) == ("delete", "-1")
    assert topics["tocsin.manifests.water"].settings["cleanup.policy"] == "compact"


def test_two_of_three_copies_make_a_record_count() -> None:
    (topic, *_) = needed({"water": 1}, TopicNames())
    assert (topic.replication, topic.settings["min.insync.replicas"]) == (3, "2")


@pytest.mark.parametrize(("append_time", "word"), [(True, "LogAppendTime"), (False, "CreateTime")])
def test_telemetry_is_stamped_as_the_plan_says(append_time: bool, word: str) -> None:
    (telemetry, *_) = needed({"water": 1}, TopicNames(), TopicPlan(append_time=append_time))
    assert telemetry.settings["message.timestamp.type"] == word


def test_the_desk_stage_has_topics_of_one_partition_and_keeps_what_is_current() -> None:
    topics = by_name(desk_topics(TopicNames()))
    assert {topic.partitions for topic in topics.values()} == {1}
    assert topics["tocsin.journal.desk"].settings["retention.ms"] == "-1"
    compacted = {n for n, topic in topics.items() if topic.settings["cleanup.policy"] == "compact"}
    assert compacted == {"tocsin.manifests.desk", "tocsin.alarms.current"}


def test_only_the_stage_may_write_what_it_tells_and_join_its_group() -> None:
    names = TopicNames()
    given = rights(["water"], names)
    for topic in (names.incidents, names.notices, names.current, names.journal("desk")):
        writers = {r.role for r in given if "Write" in r.operations and topic in r.names}
        assert writers == {"desk-stage"}
    writers = {r.role for r in given if "Write" in r.operations and names.receipts in r.names}
    assert writers == {"notify"}
    groups = {r.role for r in given if r.resource == "group" for n in r.names if _covers(r, n)}
    assert groups == {"desk-stage"}
    assert {
        r.role for r in given if "Write" in r.operations and names.commands("desk") in r.names
    } == {"desk", "console"}
    of_console = [r for r in given if r.role == "console"]
    assert [r.operations for r in of_console] == [("Write",), ("Read",)]
    read = (names.telemetry("water"), names.shadow)
    assert of_console[1].names == read, "behind a trend, whether lanes are watched, and no more"
    assert of_console[0].names == (names.commands("water"), names.commands("desk"))


def _covers(right: Right, name: str) -> bool:
    group = desk_group("tocsin")
    return group.startswith(name) if right.prefixed else group == name


async def test_missing_topics_are_made_and_then_found_good(kafka: Cluster) -> None:
    names = TopicNames(kafka.unique("made"))
    topics = needed({"water": 3}, names, ALONE) + desk_topics(names, ALONE)
    made = await ensure(topics, kafka.bootstrap)
    assert made[0] == f"{topics[0].name}: made, 3 partitions, 1 copies"
    assert len(made) == len(topics)
    assert await ensure(topics, kafka.bootstrap) == [f"{topic.name}: good" for topic in topics]


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka: Cluster) -> None:
    names = TopicNames(kafka.unique("miscounted"))
    kafka.create_topic(names.journal("water"), 2)
    with pytest.raises(ConfigError) as refused:
        await ensure(needed({"water": 3}, names, ALONE), kafka.bootstrap)
    assert refused.value.findings == (
        f"{names.journal('water')}: expected 3 partitions, got 2; set the number in the "
        "configuration to the topic's, delete the topic if it is empty, or see docs/other-lanes.md",
    )
    # Nothing was made: the right number of lanes still finds an empty field.
    lines = await ensure(needed({"water": 2}, names, ALONE), kafka.bootstrap)
    assert sum(": made, " in line for line in lines) == 6


async def test_a_topic_with_other_settings_is_left_and_said(kafka: Cluster) -> None:
    names = TopicNames(kafka.unique("differing"))
    manifests = names.manifests("water")
    kafka.create_topic(manifests, 1)
    lines = await ensure(needed({"water": 1}, names, ALONE), kafka.bootstrap)
    assert f"{manifests}: expected cleanup.policy=compact, got delete; set it on the topic" in lines
    thrice = await ensure(needed({"water": 1}, names), kafka.bootstrap)
    assert f"{manifests}: expected 3 copies, got 1; reassign the topic" in thrice


async def test_brokers_that_refuse_are_quoted(kafka: Cluster) -> None:
    topics = needed({"water": 1}, TopicNames(kafka.unique("refused")), ALONE)
    odd = [structs.replace(topics[0], settings={"retention.ms": "soon"}), *topics[1:]]
    with pytest.raises(
        FatalError, match=r"telemetry\.water: the brokers refused to make it, Invalid"
    ):
        await ensure(odd, kafka.bootstrap)


async def test_more_copies_than_brokers_are_refused_with_the_way_out(kafka: Cluster) -> None:
    topics = needed({"water": 1}, TopicNames(kafka.unique("copies")))
    with pytest.raises(ConfigError, match=r"got 3: .*; add `--replication 1` on a single broker"):
        await ensure(topics, kafka.bootstrap)


async def test_brokers_that_are_away_are_said() -> None:
    with pytest.raises(FatalError, match=r"127\.0\.0\.1:1: expected Kafka brokers to answer"):
        await ensure([], "127.0.0.1:1")

"""Recordings of many kinds in one shape, what rings for what, and choices without the judge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality_data import corpora
from benchmarks.quality_data.labelled import others, sheets
from benchmarks.quality_data.labelled import tally as counts
from benchmarks.quality_data.labelled.choice import Field, Sums, above_chance, by_others, drawn
from benchmarks.quality_data.labelled.corpus import Corpus, Event, Recording, corpus, judged
from benchmarks.quality_data.labelled.grids import BESIDE, KINDS
from benchmarks.quality_data.labelled.heard import PAUSE, Heard, Rule, begins
from benchmarks.quality_data.labelled.labels import cases
from benchmarks.quality_data.labelled.tally import Tally, tally

ROWS = 1000
BELL = Event(600.0, 650.0)


def recording(*events: Event, channels: tuple[str, ...] = ("a",)) -> Recording:
    time_s = np.arange(float(ROWS))
    return Recording("one", time_s, np.zeros((ROWS, len(channels))), channels, events)


def ringing(*rows: int, channel: str = "a") -> Heard:
    rises = np.zeros((1, ROWS), np.bool_)
    rises[0, list(rows)] = True
    return Heard(channel, np.arange(float(ROWS)), rises)


def tallied(one: Recording, *heard: Heard) -> Tally:
    found = tally(Rule(("only",), lambda _: list(heard)), Corpus("c", "s", (one,)))
    assert found is not None
    return found


def test_an_alarm_is_right_in_an_event_and_false_outside_of_all() -> None:
    found = tallied(recording(BELL), ringing(10, 300, 612, 630, 655, 656))
    assert found.delays_s.tolist() == [[12.0]], "the first alarm tells it"
    assert found.right.tolist() == [[3.0]], "five readings behind an event are of it"
    assert found.false.tolist() == [[2.0]], "the first 15 % are not judged"
    watched, inside = int(judged(ROWS).sum()), 56
    assert found.chance[0, 0] == pytest.approx(1.0 - (1.0 - inside / watched) ** 5)
    assert found.days[0] == pytest.approx((watched - inside) / 86_400)


def test_an_alarm_in_what_may_ring_is_neither_right_nor_false() -> None:
    found = tallied(
        recording(BELL, replace(BELL, first_s=300, last_s=310, wanted=False)), ringing(305)
    )
    assert found.right.tolist() == found.false.tolist() == [[0.0]]
    assert np.isinf(found.delays_s).all()


def test_a_channel_that_an_event_does_not_concern_cannot_tell_it() -> None:
    one = recording(replace(BELL, channels=frozenset("b")), channels=("a", "b"))
    assert np.isinf(tallied(one, ringing(610), ringing(channel="b")).delays_s).all()
    assert tallied(one, ringing(610, channel="b")).delays_s.tolist() == [[10.0]]
    assert tallied(one, ringing(610, channel="*")).delays_s.tolist() == [[10.0]]


def test_a_rule_that_cannot_judge_a_recording_says_nothing_of_its_corpus() -> None:
    assert tally(Rule(("only",), lambda _: []), Corpus("c", "s", (recording(BELL),))) is None


def test_events_that_touch_are_one_and_those_nobody_could_tell_are_none() -> None:
    touching = (BELL, Event(653.0, 700.0), Event(0.0, 20.0), Event(5000.0, 6000.0))
    (one,) = corpus("c", "s", [recording(*touching)]).recordings
    assert one.events == (Event(600.0, 700.0),)


def test_a_long_recording_is_read_as_means_that_are_told_with_their_last_row() -> None:
    rows = 1_000_000
    long = Recording("l", np.arange(float(rows)), np.arange(float(rows))[:, None], ("a",), ())
    (one,) = corpus("c", "s", [long]).recordings
    assert len(one.time_s) <= 300_000
    by = round(one.period_s)
    assert (one.time_s[0], one.values[0, 0]) == (by - 1, (by - 1) / 2)


def test_begins_wait_for_calm() -> None:
    beyond = np.zeros((1, 200), np.bool_)
    beyond[0, [0, 1, PAUSE, 100, 101 + PAUSE]] = True
    assert np.flatnonzero(begins(beyond)).tolist() == [0, 100, 101 + PAUSE]


def made(*found: float) -> Tally:
    """One event in each of two recordings; a configuration tells it, or rings falsely."""
    told = np.array(found)[:, None]
    none = np.zeros((len(found), 2))
    return Tally(
        delays_s=np.where(told > 0, 5.0, np.inf) * np.ones((1, 2)),
        chance=none,
        right=np.ones((1, 2)) * told,
        false=np.ones((1, 2)) * (1.0 - told),
        right_chance=none,
        of=np.arange(2),
        days=np.ones(2),
    )


def test_a_corpus_has_no_part_in_the_choice_of_its_configuration() -> None:
    field = Field({"x": made(1, 0), "y": made(0, 1), "z": made(0, 1)})
    assert field.chosen(["x"]) == 0
    assert field.judged()["x"] == 1
    assert field.worth["x"][field.judged()["x"]] == 0.0


def test_a_corpus_has_no_part_in_the_choice_of_the_kind_that_judges_it() -> None:
    good_at_x = Field({"x": made(1), "y": made(0), "z": made(0)})
    good_elsewhere = Field({"x": made(0), "y": made(1), "z": made(1)})
    fields = {"one": good_at_x, "other": good_elsewhere}
    assert by_others(fields, "x") == "other"


def test_chance_is_worth_nothing_and_draws_are_the_same_for_all_rules() -> None:
    sums = {"x": Sums.of(made(1, 0), 0), "y": Sums.of(made(1, 0), 1)}
    assert above_chance(np.array([0.4, 0.2, 0.4, 0.2])) == 0.0
    assert [float(above_chance(one.shares())) for one in sums.values()] == [1.0, 0.0]
    one, again = drawn(sums), drawn(dict(sums))
    assert (one == again).all()
    assert set(one[:, 4]) == {0.0, 0.5, 1.0}


def test_all_sets_have_a_reader_and_those_not_at_hand_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(sheets.SHEETS) == 17
    monkeypatch.setattr(sheets, "CORPORA", tmp_path)
    monkeypatch.setattr(others, "OTHERS", {"nab": lambda: None})
    assert corpora.measure() is None


def test_a_table_of_made_corpora_has_every_rule_and_is_not_judged_by_its_own() -> None:
    """Noise with one step each: the whole way from readings to lines."""
    draw = np.random.default_rng(3)
    found = {}
    for name in "xyz":
        values = draw.normal(0.0, 1.0, (600, 2))
        values[400:430] += 12.0
        one = Recording(
            "1", np.arange(600.0) * 60, values, ("a", "b"), (Event(24_000.0, 25_800.0),)
        )
        found[name] = corpus(name, "plant", [one])
    rules, _ = corpora.judged(found, lambda _, rule, one: tally(rule, one))
    lines = [corpora.line("plant", name, rules, found) for name in rules]
    assert {one[0] for one in lines} >= {f"plant: `{kind}`" for kind in KINDS}
    assert {one[0] for one in lines} >= {f"plant: {name}" for name in BESIDE}
    told = {one[0]: one[2] for one in lines}
    assert told[f"plant: {corpora.OURS}"] == "100"
    head, rows = corpora.wide(list(found.values()), dict.fromkeys(found, rules))
    assert [len(row) for row in rows] == [len(head)] * 3


def test_a_tally_is_kept_until_readings_or_events_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(counts, "BUILD", tmp_path)
    heard = []

    def hear(one: Recording) -> list[Heard]:
        heard.append(one.name)
        return [ringing(610)]

    rule, one = Rule(("only",), hear), recording(BELL)
    first, again = (counts.kept("r", rule, Corpus("c", "s", (one,))) for _ in range(2))
    assert first is not None
    assert again is not None
    assert (first.delays_s == again.delays_s).all()
    assert len(heard) == 1
    longer = replace(one, events=(replace(BELL, last_s=700.0),))
    counts.kept("r", rule, Corpus("c", "s", (longer,)))
    counts.kept("r", rule, Corpus("c", "s", (replace(one, values=one.values + 1.0),)))
    assert len(heard) == 3


def test_a_corpus_that_a_rule_cannot_judge_is_kept_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(counts, "BUILD", tmp_path)
    silent = Rule(("only",), lambda _: [])
    one = Corpus("c", "s", (recording(BELL),))
    assert [counts.kept("r", silent, one) for _ in range(2)] == [None, None]
    assert len(list(tmp_path.iterdir())) == 1


def test_cases_are_told_by_the_names_that_their_labels_have(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sheets, "CORPORA", tmp_path)
    sheets.labels.cache_clear()
    (tmp_path / "river_waterflow").mkdir()
    (tmp_path / "river_waterflow" / "events.csv").write_text(
        "series,channel,start,end,label\n"
        "w,a,600,650,low flow (a guess)\nw,b,600,650,not of this one\nw,a,700,710,small peak\n"
    )
    events = (replace(BELL, channels=frozenset("a")), Event(700.0, 710.0, frozenset("a")))
    one = Corpus("river_waterflow", "s", (recording(*events),))
    found = tally(Rule(("only",), lambda _: [ringing(610)]), one)
    assert found is not None
    assert cases(one, found, 0) == ["river_waterflow", "low flow 1 of 1", "small peak (1)"]
    sheets.labels.cache_clear()

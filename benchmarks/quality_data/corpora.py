"""All labelled recordings at hand, by every kind of rule that learns, chosen without the judge.

Corpora of a kind of signal (daily course, plant, nature) share one configuration of each kind of
rule. The one that judges a corpus is chosen by all others of its kind of signal; so is the kind
of rule in the row "chosen by the others", of which the others expect most when each of them is
judged by the rest in turn. Where a set is not at hand, the table says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.quality_data.judging import lasting
from benchmarks.quality_data.labelled import labels, others, sheets
from benchmarks.quality_data.labelled.choice import Field, Sums, above_chance, by_others, drawn
from benchmarks.quality_data.labelled.corpus import Corpus, Reals
from benchmarks.quality_data.labelled.grids import BESIDE, KINDS
from benchmarks.quality_data.labelled.heard import Rule
from benchmarks.quality_data.labelled.tally import Tally, kept
from benchmarks.support.claims import Claim, Part

ALL: Final = {**KINDS, **BESIDE}
RIVAL: Final = "20 lines"
OURS: Final = "kind chosen by the others"
LIKELY: Final = (2.5, 97.5)  # percentiles: 19 of 20 draws
Count = Callable[[str, Rule, Corpus], Tally | None]
HEAD: Final = (
    *("signal, rule", "corpora", "told, %", "19 of 20 draws", "by chance, %", "alarms right, %"),
    *("false a channel-day", "delay, readings", "F1 above chance", "less 20 lines, 19 of 20 draws"),
    *("looks", "chosen, most often"),
)


@dataclass(frozen=True)
class Judged:
    """A rule on the corpora of a kind of signal: which configuration judges each of them.

    Parameters
    ----------
    chosen : mapping of corpus to (tally, configuration, its name)
    looks : int
        Configurations among which was chosen.
    """

    chosen: Mapping[str, tuple[Tally, int, str]]
    looks: int

    @property
    def sums(self) -> dict[str, Sums]:
        """Counts by corpus."""
        return {name: Sums.of(one, k) for name, (one, k, _) in self.chosen.items()}

    def false_a_day(self, corpus: str) -> float:
        """False alarms of a corpus for each channel-day without events."""
        one, k, _ = self.chosen[corpus]
        return float(one.false[k].sum() / max(one.days.sum(), 1e-12))

    def delay_s(self, corpus: str) -> float | None:
        """Median delay of what was told."""
        one, k, _ = self.chosen[corpus]
        told = one.delays_s[k][np.isfinite(one.delays_s[k])]
        return float(np.median(told)) if len(told) else None


def measure() -> Part | None:
    """Tables and claims; None where no set is at hand."""
    found, missing = _read()
    if not found:
        return None
    by_corpus: dict[str, dict[str, Judged]] = {}
    lines: list[list[str]] = []
    claims: list[Claim] = []
    for signal in dict.fromkeys(one.signal for one in found):
        mine = {one.name: one for one in found if one.signal == signal}
        rules, _ = judged(mine)
        by_corpus |= dict.fromkeys(mine, rules)
        lines += [line(signal, name, rules, mine) for name in rules]
        claims.append(_claim(signal, rules))
    head, rows = wide(found, by_corpus)
    told = [labels.cases(one, *by_corpus[one.name][OURS].chosen[one.name][:2]) for one in found]
    rows += [[name, "not at hand", *[""] * (len(head) - 2)] for name in missing]
    tables = {
        "corpora": (head, rows),
        "corpora rules": (HEAD, lines),
        "corpora cases": (labels.HEAD, told),
    }
    return Part(tables, tuple(claims))


def _read() -> tuple[list[Corpus], list[str]]:
    """Corpora at hand, by kind of signal and name, and names of those that are missing."""
    all_of = {name: sheets.read(name) for name in sheets.SHEETS}
    all_of |= {name: read() for name, read in others.OTHERS.items()}
    found = sorted((one for one in all_of.values() if one), key=lambda c: (c.signal, c.name))
    return found, sorted(name for name, one in all_of.items() if one is None)


def judged(
    corpora: Mapping[str, Corpus], count: Count = kept
) -> tuple[dict[str, Judged], dict[str, Field]]:
    """Every rule on the corpora of one kind of signal, each under what the others chose."""
    fields = {name: _field(name, rule, corpora, count) for name, rule in ALL.items()}
    rules = {name: _nested(field, ALL, name) for name, field in fields.items()}
    whole = {name: fields[name] for name in KINDS if len(fields[name].tallies) == len(corpora)}
    chosen = {}
    for corpus in corpora:
        kind = by_others(whole, corpus)
        one, k, words = rules[kind].chosen[corpus]
        chosen[corpus] = (one, k, f"`{kind}` {words}")
    looks = sum(rules[kind].looks for kind in whole)
    return {OURS: Judged(chosen, looks), **rules}, fields


def _field(name: str, rule: Rule, corpora: Mapping[str, Corpus], count: Count) -> Field:
    found = {corpus: count(name, rule, one) for corpus, one in corpora.items()}
    return Field({corpus: one for corpus, one in found.items() if one is not None})


def _nested(field: Field, rules: Mapping[str, Rule], name: str) -> Judged:
    words = rules[name].configurations
    return Judged(
        {corpus: (field.tallies[corpus], k, words[k]) for corpus, k in field.judged().items()},
        len(words),
    )


def line(
    signal: str, name: str, rules: Mapping[str, Judged], corpora: Mapping[str, Corpus]
) -> list[str]:
    """A line of the table by rule: means over corpora, but medians of rates and delays."""
    rule = rules[name]
    sums = rule.sums
    draws, rival = drawn(sums), drawn({c: one for c, one in rules[RIVAL].sums.items() if c in sums})
    told, right, lucky, _ = np.mean([one.shares() for one in sums.values()], axis=0)
    worth = np.mean([above_chance(one.shares()) for one in sums.values()])
    delays = [
        delay / float(np.median([r.period_s for r in corpora[c].recordings]))
        for c in sums
        if (delay := rule.delay_s(c)) is not None
    ]
    words = [words for *_, words in rule.chosen.values()]
    return [
        f"{signal}: {f'`{name}`' if name in KINDS else name}",
        str(len(sums)),
        f"{100 * told:.0f}",
        _span(100 * draws[:, 0], "{:.0f}"),
        f"{100 * lucky:.0f}",
        f"{100 * right:.0f}",
        f"{np.median([rule.false_a_day(c) for c in sums]):.3g}",
        f"{np.median(delays):.0f}" if delays else "",
        f"{worth:.3f}",
        "" if name == RIVAL else _span(draws[:, 4] - rival[:, 4], "{:.2f}"),
        str(rule.looks),
        max(words, key=words.count),
    ]


def _span(values: Reals, how: str) -> str:
    return " to ".join(how.format(one) for one in np.percentile(values, LIKELY))


def wide(
    found: list[Corpus], by_corpus: Mapping[str, Mapping[str, Judged]]
) -> tuple[list[str], list[list[str]]]:
    """The table of all corpora: events told, delay, false alarms a channel-day by every rule."""
    names = [OURS, *BESIDE, *KINDS]
    head = ["corpus", "signal", "files", "events", "channel-days"]
    head += [f"`{name}`" if name in KINDS else name for name in names]
    rows = []
    for one in found:
        rules = by_corpus[one.name]
        tally = rules[RIVAL].chosen[one.name][0]
        row = [one.name, one.signal, str(len(one.recordings)), str(len(tally.of))]
        rows.append(
            [*row, f"{tally.days.sum():.3g}", *(_cell(rules[name], one.name) for name in names)]
        )
    return head, rows


def _cell(rule: Judged, corpus: str) -> str:
    """Share told, of it by chance, median delay, false alarms a channel-day."""
    if corpus not in rule.chosen:
        return "cannot judge it"
    told, _, lucky, _ = rule.sums[corpus].shares()
    delay = lasting(rule.delay_s(corpus))
    false = rule.false_a_day(corpus)
    return f"{100 * told:.0f} % ({100 * lucky:.0f}), {delay or 'never'}, {false:.3g}"


def _claim(signal: str, rules: Mapping[str, Judged]) -> Claim:
    ahead = drawn(rules[OURS].sums)[:, 4] - drawn(rules[RIVAL].sums)[:, 4]
    text = f"{signal}: F1 above chance, {OURS}, less that of 20 lines, low end of 19 of 20 draws"
    return Claim(text, float(np.percentile(ahead, LIKELY[0])), 0.0, "", "at least")

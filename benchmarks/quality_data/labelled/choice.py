"""Choice of a configuration, and of a kind of rule, by corpora that are not judged with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from benchmarks.quality_data.labelled.corpus import Reals
from benchmarks.quality_data.labelled.tally import Tally

DRAWS: Final = 1000
Tallies = Mapping[str, Tally]  # by corpus


@dataclass(frozen=True)
class Sums:
    """Counts of each recording of a corpus under one configuration, shape (6, recordings).

    Told, events, told by chance; right, alarms, right by chance.
    """

    counts: Reals

    @classmethod
    def of(cls, one: Tally, configuration: int) -> "Sums":
        """Those of a tally."""
        n = one.right.shape[1]
        told = np.isfinite(one.delays_s[configuration])
        right, false = one.right[configuration], one.false[configuration]
        return cls(
            np.stack(
                [
                    np.bincount(one.of.astype(int), told, n),
                    np.bincount(one.of.astype(int), minlength=n).astype(float),
                    np.bincount(one.of.astype(int), one.chance[configuration], n),
                    *(right, right + false, one.right_chance[configuration]),
                ]
            )
        )

    def shares(self, weights: Reals | None = None) -> Reals:
        """Events told, alarms right, and both by chance, shape (4,) or (draws, 4).

        `weights` say how often each recording was drawn, shape (draws, recordings).
        """
        told, events, lucky, right, alarms, by_chance = (
            self.counts.sum(axis=1) if weights is None else (weights @ self.counts.T).T
        )
        each = [_share(told, events), _share(right, alarms)]
        each += [_share(lucky, events), _share(by_chance, alarms)]
        return np.stack(each, axis=-1)


def above_chance(shares: Reals) -> Reals:
    """F1 of events told and alarms right, less that of as many alarms at random."""
    own, chance = (_harmonic(shares[..., i], shares[..., i + 1]) for i in (0, 2))
    return own - chance


def _harmonic(one: Reals, other: Reals) -> Reals:
    return _share(2.0 * one * other, one + other)


def _share(part: Any, whole: Any) -> Reals:
    """A part of the whole; 0 of nothing."""
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    found: Reals = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return found


class Field:
    """A kind of rule on all corpora of a kind of signal."""

    def __init__(self, tallies: Tallies) -> None:
        self.tallies = tallies

    @cached_property
    def worth(self) -> dict[str, Reals]:
        """How far above chance each configuration is, by corpus."""
        return {
            name: np.array([above_chance(Sums.of(one, k).shares()) for k in range(len(one.right))])
            for name, one in self.tallies.items()
        }

    def chosen(self, by: Sequence[str]) -> int:
        """The configuration that is best on the mean over some corpora."""
        return int(np.argmax(np.mean([self.worth[name] for name in by], axis=0)))

    def without(self, *left_out: str) -> list[str]:
        """Corpora that may choose."""
        return [name for name in self.tallies if name not in left_out]

    def expected(self, left_out: str) -> float:
        """Worth on all other corpora, each judged by what the rest of them chose."""
        others = self.without(left_out)
        return float(
            np.mean([self.worth[one][self.chosen(self.without(left_out, one))] for one in others])
        )

    def judged(self) -> dict[str, int]:
        """Each corpus's configuration, chosen by the others."""
        return {name: self.chosen(self.without(name)) for name in self.tallies}


def by_others(fields: Mapping[str, Field], left_out: str) -> str:
    """The kind of rule of which the other corpora expect most, without the one left out."""
    return max(fields, key=lambda kind: fields[kind].expected(left_out))


def drawn(sums: Mapping[str, Sums], seed: int = 104) -> Reals:
    """Means over corpora, which are drawn with replacement as their recordings are.

    Shape (draws, 5): the four shares, and how far above chance they are. The same seed draws the
    same recordings for every rule, so that rules may be held against each other draw by draw.
    """
    chance = np.random.default_rng(seed)
    each = []
    for one in sums.values():
        files = one.counts.shape[1]
        weights = chance.multinomial(files, np.full(files, 1.0 / files), DRAWS).astype(float)
        shares = one.shares(weights)
        each.append(np.concatenate([shares, above_chance(shares)[:, None]], axis=1))
    n = len(each)
    weights = chance.multinomial(n, np.full(n, 1.0 / n), DRAWS) / n
    return np.asarray(np.einsum("dn,ndk->dk", weights, np.stack(each)))

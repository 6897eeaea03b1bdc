"""Mass silence: when many channels of one link fall silent together, the link rings for them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.catalogue import id_hash
from contracts.ports.lane_parts import Fired, carry
from contracts.ports.status import HEARING
from contracts.quantities import NS_PER_S
from contracts.transition import (
    LINK_SLOT,
    NEVER,
    TRANSITION,
    Colour,
    Transitions,
    end_to_end,
    no_transitions,
)
from detectors.channel import silence
from detectors.channel.invalid import LivenessWatch
from detectors.channel.silence import NOBODY, SilenceWatch, extra_wait_s

# "Silence cluster": lifelines.md section 19.2, item 5.
LEAST: Final = 20  # channels
SHARE: Final = 30  # percent of those that the link carries
WITHIN_S: Final = 180
BACK: Final = 15  # percent that may still be silent when the link counts as back: half, [E]
COLOUR: Final = (
    Colour.ORANGE
)  # [E]: nothing is known of an area, as section 0.3 has it of a failure

# What becomes of a channel's silence: told (or there is none), held for the judgement on its link,
# folded into the link's alarm, waited for again since the link is back.
TOLD, HELD, FOLDED, WAITING = range(4)

LINK_STATE: Final = np.dtype(
    [
        ("onset_s", np.int64),  # of the newest alarm
        ("count_s", np.int64),  # when its channels are counted again, or NOBODY
        ("folded", np.int32),
        ("counted", np.int32),  # channels of which was told
        ("open", np.bool_),
    ]
)
_IDLE: Final = np.array((NEVER, NOBODY, 0, 0, False), LINK_STATE)


class Links(NamedTuple):
    """Links of a lane, and which of its channels speak by which.

    Parameters
    ----------
    names : sequence of str
    of : int, shape (n,)
        Place among `names` by lane row, -1 for a channel that rings by itself; shape (0,) where all
        do.
    """

    names: Sequence[str]
    of: NDArray[np.int32]


NO_LINKS: Final = Links((), np.empty(0, np.int32))


def mass_silence(
    link: NDArray[np.int32], fell_s: NDArray[np.int64], needed: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Links of which enough channels fell silent within three minutes.

    Parameters
    ----------
    link : int, shape (m,)
        Link of each channel that fell silent, at most once each.
    fell_s : int, shape (m,)
        Lane time at which it did.
    needed : int, shape (k,)
        How many channels of each link are enough.

    Returns
    -------
    links : int, shape (j,)
        Rising.
    at_s : int, shape (j,)
        First second at whose end it was so.
    """
    many = (np.bincount(link, minlength=len(needed)) >= needed)[link]
    link, fell_s = link[many], fell_s[many]
    if not len(link):
        return link, fell_s
    order = np.lexsort((fell_s, link))
    link, fell_s = link[order], fell_s[order]
    # Links end to end on one line of time, too far apart for a stretch to reach into another.
    line = fell_s - fell_s.min()
    line = line + link * (line.max() + WITHIN_S)
    first = np.searchsorted(line, line - WITHIN_S, "right")
    enough = np.searchsorted(line, line, "right") - first >= needed[link]
    links, place = np.unique(link[enough], return_index=True)
    return links, fell_s[enough][place]


class LinkWatch:
    """The lane's timers, of which the silences of one link that come together are one alarm.

    A channel with a link is held back for three minutes when it falls silent: it rings then, unless
    its link did. What is folded into the alarm of its link is told no more, not when it is heard
    either. Who is still silent when the link is back is waited for anew.

    Parameters
    ----------
    watch : LivenessWatch
    silence : SilenceWatch
        The one within `watch`.
    links : Links
    """

    def __init__(self, watch: LivenessWatch, silence: SilenceWatch, links: Links) -> None:
        self._watch, self._silence = watch, silence
        self._of = links.of
        self._ids = np.array([id_hash(name) for name in links.names], np.uint64)
        mine = np.flatnonzero(links.of >= 0) if len(links.names) else np.empty(0, np.int64)
        self._channels = np.bincount(links.of[mine], minlength=len(links.names))
        self._first = np.zeros(len(links.names), np.int32)
        self._first[links.of[mine][::-1]] = mine[::-1]  # the lowest row is written last
        self._needed = np.maximum(LEAST, _percent(SHARE, self._channels))
        self._back = _percent(BACK, self._channels)
        self._fresh(len(links.of))

    def _fresh(self, rows: int) -> None:
        """Nothing is held back; state of rows only where there are links."""
        self._fate = np.zeros(rows, np.uint8)
        self._due_s = np.full(rows, NOBODY)
        self._links = np.full(len(self._ids), _IDLE)
        self._soonest_s: int = NOBODY

    def bound_s(self, lane_time_s: int) -> int:
        """Lane time before which no deadline can lie; it may be early, never late.

        A link that comes back begins waits that are no shorter than those of its silent channels.
        """
        return min(self._watch.bound_s(lane_time_s), self._soonest_s)

    def bound_before_s(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> int:
        """Lane time before which no deadline can lie when the readings of a span come next."""
        if self._links["open"].any():  # one that comes back begins waits of its silent channels
            return self.bound_s(int(lane_time_s[span[0]]))
        bound_s = self._watch.bound_before_s(batch, disposition, lane_time_s, span)
        return min(bound_s, self._soonest_s)

    def begin(self, lane_time_s: int) -> None:
        """Start the wait for channels that have not been waited for yet."""
        self._watch.begin(lane_time_s)

    def fire(self, lane_time_s: int) -> Fired:
        """Let every deadline up to now pass, in (deadline, kind, row) order."""
        found = self._watch.fire(lane_time_s)
        quiet = found["row"][found["now"] > 0]
        if not len(self._fate) or not (len(found) or self._soonest_s <= lane_time_s):
            return Fired(found, quiet)
        held = (found["rule"] == silence.SLOT) & (self._link(found["row"]) >= 0)
        self._hold(found[held])
        links = [self._open(), self._count(lane_time_s, self._later(found[held]))]
        both = end_to_end([found[~held], *links, self._release(lane_time_s)])
        self._look()
        return Fired(both[np.lexsort((both["row"], both["rule"], both["time_ns"]))], quiet)

    def _link(self, rows: NDArray[Any]) -> NDArray[np.int32]:
        return self._of[rows] if len(self._of) else np.full(len(rows), -1, np.int32)

    def _hold(self, fell: Transitions) -> None:
        """Hold silences back; those of a link that rings already are folded."""
        rows, link = fell["row"], self._link(fell["row"])
        within = self._links["open"][link]
        self._fate[rows] = np.where(within, FOLDED, HELD)
        self._due_s[rows] = np.where(within, NOBODY, fell["time_ns"] // NS_PER_S + WITHIN_S)
        self._links["folded"] += _counted(link[within], len(self._ids))

    def _open(self) -> Transitions:
        """Ring for links of which enough channels fell silent together, and fold what is held."""
        held = np.flatnonzero(self._fate == HELD)
        held = held[self._link(held) >= 0]
        fell_s = self._due_s[held] - WITHIN_S
        links, at_s = mass_silence(self._link(held), fell_s, self._needed)
        if not len(links):
            return no_transitions()
        opened_s = np.full(len(self._ids), NOBODY)
        opened_s[links] = at_s
        rows = self._untold()
        rows = rows[self._link(rows) >= 0]
        rows = rows[self._due_s[rows] > opened_s[self._link(rows)]]
        link, fate = self._link(rows), self._fate[rows]
        then = (fate == WAITING) | (self._due_s[rows] - WITHIN_S <= opened_s[link])
        heard_s = np.full(len(self._ids), NEVER)
        np.maximum.at(heard_s, link[then], self._silence.state["heard_s"][rows[then]])
        self._fate[rows], self._due_s[rows] = FOLDED, NOBODY
        state = self._links
        state["folded"] += _counted(link, len(self._ids))
        state["open"][links] = True
        # An alarm is named by its onset, so no two of a link may have the same.
        state["onset_s"][links] = np.maximum(heard_s[links], state["onset_s"][links] + 1)
        state["count_s"][links] = at_s + WITHIN_S
        state["counted"][links] = _counted(link[then], len(self._ids))[links]
        return self._transitions(links, at_s, (Colour.CLEAR, COLOUR))

    def _release(self, lane_time_s: int) -> Transitions:
        """Ring for channels that were held back long enough."""
        rows = self._untold()
        rows = rows[self._due_s[rows] <= lane_time_s]
        due_s = self._due_s[rows]
        self._fate[rows], self._due_s[rows] = TOLD, NOBODY
        return self._silence.rung(rows, np.where(due_s < 0, lane_time_s, due_s))

    def _later(self, fell: Transitions) -> NDArray[np.int32]:
        """Channels of each link that were folded after its channels were to be counted again."""
        link, fell_s = self._link(fell["row"]), fell["time_ns"] // NS_PER_S
        count_s = self._links["count_s"][link]
        later = (self._fate[fell["row"]] == FOLDED) & (count_s >= 0) & (fell_s > count_s)
        return _counted(link[later], len(self._ids))

    def _count(self, lane_time_s: int, later: NDArray[np.int32]) -> Transitions:
        """Tell how many channels of a link fell silent in the end, if it is not as many as told.

        Another catalogue may have left so few that the link is back.
        """
        state = self._links
        links = np.flatnonzero(state["count_s"] <= lane_time_s)
        at_s = state["count_s"][links]
        at_s = np.where(at_s < 0, lane_time_s, at_s)
        count = state["folded"][links] - later[links]
        differ = count != state["counted"][links]
        back = state["folded"][links] < self._back[links]
        state["count_s"][links] = NOBODY
        state["counted"][links] = count
        ended = self._transitions(links[back], at_s[back], (COLOUR, Colour.CLEAR))
        self._wait_anew(links[back], at_s[back])
        differ &= ~back
        return end_to_end([self._transitions(links[differ], at_s[differ], (COLOUR, COLOUR)), ended])

    def _transitions(
        self, links: NDArray[Any], at_s: NDArray[np.int64], levels: tuple[Colour, Colour]
    ) -> Transitions:
        """Level changes of links, which tell how many of their channels are still heard."""
        found = np.zeros(len(links), TRANSITION)
        found["rule"], found["row"] = LINK_SLOT, self._first[links]
        found["was"], found["now"] = levels
        found["time_ns"] = at_s * NS_PER_S
        found["onset_ns"] = self._links["onset_s"][links] * NS_PER_S
        found["expected"] = self._channels[links]
        found["observed"] = self._channels[links] - self._links["counted"][links]
        for figure in ("low", "high", "score"):
            found[figure] = np.nan
        return found

    def hear(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        lane_time_s: NDArray[np.int64],
        span: tuple[int, int],
    ) -> Transitions:
        """Note who was heard; what ends comes back as level changes, unless it was never told."""
        found = self._watch.hear(batch, disposition, lane_time_s, span)
        if not len(found) or not len(self._fate):
            return found
        fate = np.where(found["rule"] == silence.SLOT, self._fate[found["row"]], TOLD)
        rows = found["row"][fate != TOLD]
        if not len(rows):
            return found
        self._fate[rows], self._due_s[rows] = TOLD, NOBODY
        return end_to_end([found[fate == TOLD], self._back_again(found[fate == FOLDED])])

    def _back_again(self, heard: Transitions) -> Transitions:
        """Count channels of links that ring, and end what rings for those that are back."""
        order = np.argsort(self._link(heard["row"]), kind="stable")
        heard = heard[order]
        link = self._link(heard["row"])
        nth = np.arange(1, len(link) + 1) - np.searchsorted(link, link, "left")
        left = self._links["folded"][link] - nth
        self._links["folded"] -= _counted(link, len(self._ids))
        back = left < self._back[link]
        links, place = np.unique(link[back], return_index=True)
        if not len(links):
            return no_transitions()
        self._links["counted"][links] = left[back][place]
        ends = heard[back][place]
        found = self._transitions(links, ends["time_ns"] // NS_PER_S, (COLOUR, Colour.CLEAR))
        found["ordinal"] = ends["ordinal"]
        self._wait_anew(links, ends["time_ns"] // NS_PER_S)
        return found

    def _wait_anew(self, links: NDArray[Any], at_s: NDArray[np.int64]) -> None:
        """Close links; who of their channels is still silent is waited for as always."""
        closed_s = np.full(len(self._ids), NOBODY)
        closed_s[links] = at_s
        rows = np.flatnonzero(self._fate == FOLDED)
        rows = rows[closed_s[self._link(rows)] != NOBODY]
        self._fate[rows] = WAITING
        self._due_s[rows] = closed_s[self._link(rows)] + self._silence.wait_s(rows)
        self._links["open"][links], self._links["count_s"][links] = False, NOBODY
        self._links["folded"][links] = 0
        self._soonest_s = min(self._soonest_s, int(self._due_s[rows].min(initial=NOBODY)))

    def _untold(self) -> NDArray[np.intp]:
        return np.flatnonzero((self._fate == HELD) | (self._fate == WAITING))

    def _look(self) -> None:
        soonest_s = self._due_s[self._untold()].min(initial=NOBODY)
        self._soonest_s = min(int(soonest_s), int(self._links["count_s"].min(initial=NOBODY)))

    def outage(self, lane_time_s: int, seconds: int) -> NDArray[np.int32]:
        """Wait longer for whoever was heard before an outage; rows whose wait would have ended.

        So are those held back. What fell silent before it and what falls after it is not one mass.
        """
        rows = self._untold()
        self._fate[rows] = WAITING
        self._due_s[rows] += extra_wait_s(seconds)
        self._look()
        return self._watch.outage(lane_time_s, seconds)

    def hearing(self) -> NDArray[np.uint8]:
        """Place among `HEARING` of how each channel is heard, shape (n,)."""
        found: NDArray[np.uint8] = (self._silence.state["level"] > 0).astype(np.uint8)
        found[np.flatnonzero(self._fate == FOLDED)] = HEARING.index("blind")
        return found

    def shelve(self, row: int, lane_time_s: int, *, shelved: bool) -> None:
        """Stop waiting for a channel, or start again from now."""
        self._watch.shelve(row, lane_time_s, shelved=shelved)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot; not a copy."""
        arrays = self._watch.arrays()
        if not len(self._fate):
            return arrays
        return {
            **arrays,
            "silence_fate": self._fate,
            "silence_due_s": self._due_s,
            "link_ids": self._ids,  # not by row, nor are those of the links
            "links": self._links,
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; what was folded rings if its link does not any more."""
        self._watch.restore(arrays, old_row)
        self._fresh(len(self._of))
        if "links" not in arrays:  # snapshots of before, and of catalogues without
            return
        if not len(self._of):
            self._fresh(len(old_row))
        carry(self._fate, arrays["silence_fate"], old_row)
        carry(self._due_s, arrays["silence_due_s"], old_row)
        self._fate[self._silence.state["level"] == 0] = TOLD
        _, mine, theirs = np.intersect1d(self._ids, arrays["link_ids"], return_indices=True)
        self._links[mine] = arrays["links"][theirs]
        self._refold()

    def _refold(self) -> None:
        """Fold by the links of now, and judge them at the next chance."""
        rows = np.flatnonzero(self._fate == FOLDED)
        link = self._link(rows)
        within = link >= 0
        within[within] = self._links["open"][link[within]]
        self._fate[rows[~within]], self._due_s[rows[~within]] = WAITING, NEVER
        self._due_s[self._fate == TOLD] = NOBODY
        state = self._links
        state["folded"] = _counted(link[within], len(self._ids))
        state["count_s"][state["open"] & (state["folded"] < self._back)] = NEVER
        self._soonest_s = NEVER


def _percent(share: int, of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Share of some counts, rounded up."""
    return -(-share * of // 100)


def _counted(link: NDArray[Any], links: int) -> NDArray[np.int32]:
    return np.bincount(link, minlength=links).astype(np.int32)

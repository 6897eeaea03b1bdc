"""Everything that belongs to an alarm or an incident, in one file for whoever asks later."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from configuration.configuration import Configuration
from contracts.ports.projection import TopicRecord
from operate.evidence.decision import LaneDecisions
from operate.evidence.gather import LaneKey, Told
from operate.ledger import proofs_of

HEAD: Final = ("time", "value", "quality", "disposition", "score")
EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that the format has: equal content, equal file

Rules = dict[str, list[str]]  # what governed, by alarm


class Evidence(NamedTuple):
    """What a lane decided, and by what rules."""

    lane: LaneKey
    decided: LaneDecisions
    rules: Rules

    @property
    def name(self) -> str:
        """Name of the lane."""
        return f"{self.lane[0]}-{self.lane[1]}"


def write_bundle(
    path: Path, configuration: Configuration, told: Told, found: Sequence[Evidence]
) -> None:
    """Write a ZIP file.

    - `alarms/ID.REVISION.json`: revisions as they were published, to the byte.
    - `decisions.jsonl`: what became of each the second time.
    - `readings/CHANNEL.csv`: readings with dispositions and scores.
    - `rules/ID.txt`: every value that governed.
    - `journal/LANE.jsonl`: entries of the lane's journal, as `tocsin explain --journal` takes them.
    - `records.jsonl`: revisions, incidents, notices and commands of the desks, with their places.
    - `ledger.jsonl`: proofs that these are in the ledger, where there is one.
    """
    files: dict[str, str | bytes] = {}
    for one in found:
        files.update(_of_lane(one))
    files["decisions.jsonl"] = _lines(_decisions(found))
    files["records.jsonl"] = _lines(map(_record, told.records))
    if configuration.settings.ledger is not None:
        places = {f"{one.topic}:{one.partition}:{one.offset}" for one in told.records}
        files["ledger.jsonl"] = _lines(proofs_of(configuration.settings, places))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), files[name], zipfile.ZIP_DEFLATED)


def _of_lane(one: Evidence) -> Iterator[tuple[str, str | bytes]]:
    for decision in one.decided.decisions:
        revision = decision.revision
        yield f"alarms/{revision.alarm}.{revision.number}.json", revision.body
    for channel, taken in one.decided.readings.items():
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(HEAD)
        rows.writerows(reading.cells() for reading in taken)
        yield f"readings/{channel}.csv", text.getvalue()
    for alarm, governing in one.rules.items():
        yield f"rules/{alarm}.txt", "".join(f"{line}\n" for line in governing)
    yield f"journal/{one.name}.jsonl", _lines(_journal(one))


def _journal(one: Evidence) -> Iterator[object]:
    for offset, entry in one.decided.journal:
        yield {"lane": one.lane[1], "offset": offset, "entry": entry}


def _decisions(found: Sequence[Evidence]) -> Iterator[object]:
    for one in found:
        for decision in one.decided.decisions:
            yield {
                "lane": one.name,
                "alarm": decision.revision.alarm,
                "revision": decision.revision.number,
                "outcome": decision.outcome,
                "differs": decision.differs,
                "since": one.decided.since,
            }


def _record(record: TopicRecord) -> object:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time_ms": record.time_ms,
        "kind": record.kind,
        "value": msgspec.Raw(record.value or b"null"),
    }


def _lines(found: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(one) + b"\n" for one in found)

"""`tocsin record`: a range of a telemetry topic as a file, for replay, backtest and the others."""

import argparse
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from broker.access import check_access
from configuration.lane_plan import plan_of
from contracts.civil_time import moment_ms
from contracts.errors import ConfigError
from contracts.records import Records
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from lab.data import recording
from operate.settings import settled

WAIT_S: Final = 1.0


class Range(NamedTuple):
    """Offsets of one lane, the last one not included."""

    lane: int
    begin: int
    end: int


async def record(arguments: argparse.Namespace) -> str:
    """Write the records of all lanes between two times; one line that says what came."""
    begin_ms, end_ms = _asked(arguments)
    configuration = settled(arguments)
    plan = plan_of(configuration, arguments.lifeline)
    kafka = configuration.settings.kafka
    await check_access(kafka.bootstrap, kafka)
    settings = KafkaSettings(
        bootstrap=kafka.bootstrap,
        security=kafka,
        topic=plan.topics.telemetry(plan.lifeline),
        lifeline=plan.lifeline,
        group=f"{configuration.settings.app}-record",  # never joined, nothing is committed
        lanes=tuple(range(plan.partitions)),
    )
    source = KafkaSource(settings)
    await source.start()
    try:
        ranges = [await _range(source, n, begin_ms, end_ms) for n in range(plan.partitions)]
        count = 0
        with recording.writing(arguments.out, plan.lifeline) as add:
            async for lane, records in _records(source, ranges):
                add(lane, records)
                count += len(records)
    finally:
        await source.close()
    places = ", ".join(f"{r.begin} to {r.end - 1}" if r.end > r.begin else "none" for r in ranges)
    return f"{count:,} records of {len(ranges)} lanes in {arguments.out}; offsets {places}"


def _asked(arguments: argparse.Namespace) -> tuple[int | None, int | None]:
    """The range, judged with the place of the file before a broker is asked for anything."""
    begin_ms, end_ms = _moment("--from", arguments.begin), _moment("--to", arguments.end)
    if begin_ms is not None and end_ms is not None and end_ms <= begin_ms:
        msg = f"--to: expected a time behind --from ({arguments.begin}), got {arguments.end}"
        raise ConfigError(msg)
    if arguments.out.suffix != ".parquet":
        msg = f"{arguments.out}: expected a name that ends in .parquet; readers go by it, rename it"
        raise ConfigError(msg)
    if not arguments.out.parent.is_dir():
        msg = f"{arguments.out}: expected a folder to write into, got none; make it"
        raise ConfigError(msg)
    return begin_ms, end_ms


def _moment(option: str, text: str | None) -> int | None:
    return None if text is None else moment_ms(option, text)


async def _range(source: KafkaSource, lane: int, begin_ms: int | None, end_ms: int | None) -> Range:
    """From the first record stamped at `begin_ms` or later to the first at `end_ms` or later."""
    first, behind = await source.beginning_offset(lane), await source.end_offset(lane)
    if begin_ms is not None:
        found = await source.offset_at(lane, begin_ms)
        first = behind if found is None else found
    if end_ms is not None and (found := await source.offset_at(lane, end_ms)) is not None:
        behind = min(behind, found)
    return Range(lane, first, max(first, behind))


async def _records(source: KafkaSource, ranges: list[Range]) -> AsyncIterator[tuple[int, Records]]:
    """Records of all lanes by turns, so that no lane of the file lies behind all others."""
    left = [one for one in ranges if one.end > one.begin]
    for lane, begin, _ in left:
        await source.seek(lane, begin)
    while left:
        for lane, _, end in left:
            records = await source.fetch(lane, WAIT_S)
            if records is not None and len(records):
                mine = int((records.offset < end).sum())
                if mine:
                    yield lane, records.cut(0, mine)
        left = [one for one in left if source.position(one.lane) < one.end]

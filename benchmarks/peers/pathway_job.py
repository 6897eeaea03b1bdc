"""The job of benchmarks/rivals.py in Pathway: an incremental table, no durable state."""

import sys
import time

import pathway as pw
import rule


class Reading(pw.Schema):
    """Fields of a message that the job needs."""

    channel: str
    value: float


@pw.reducers.stateful_single
def kept(state: "tuple | None", value: float) -> tuple:
    """State of a channel behind one more value."""
    return tuple(rule.step(list(state) if state else None, value)[0])


def main() -> None:
    """bootstrap, topic, readings."""
    bootstrap, topic, readings = sys.argv[1:]
    count = rule.Count(int(readings))
    seen: dict[str, int] = {}
    taken = 0
    client = {
        "bootstrap.servers": bootstrap,
        "group.id": f"pathway-{time.time_ns()}",
        "auto.offset.reset": "earliest",
    }
    telemetry = pw.io.kafka.read(
        client, topic=topic, format="json", schema=Reading, autocommit_duration_ms=500
    )
    states = telemetry.groupby(telemetry.channel).reduce(
        telemetry.channel, state=kept(telemetry.value), readings=pw.reducers.count()
    )

    def transition(key: object, row: dict, time: int, is_addition: bool) -> None:
        nonlocal taken
        if is_addition:
            taken += row["readings"] - seen.get(row["channel"], 0)
            seen[row["channel"]] = row["readings"]
            count.upto(taken)

    pw.io.subscribe(states, transition)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()

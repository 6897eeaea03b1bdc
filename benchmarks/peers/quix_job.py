"""The job of benchmarks/rivals.py in Quix Streams: state in RocksDB with a changelog topic."""

import sys
import time

import rule
from quixstreams import Application


def main() -> None:
    """bootstrap, topic, readings, folder for the state."""
    bootstrap, topic, readings, folder = sys.argv[1:]
    count = rule.Count(int(readings))
    application = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{time.time_ns()}",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        state_dir=folder,
        loglevel="ERROR",
    )
    telemetry = application.topic(topic, value_deserializer="json", key_deserializer="str")
    alarms = application.topic(f"{topic}-alarms", value_serializer="json")

    def score(reading: dict, state: object) -> dict:
        kept, reading["rings"] = rule.step(state.get(reading["channel"]), reading["value"])
        state.set(reading["channel"], kept)
        count.one()
        return reading

    stream = application.dataframe(telemetry).apply(score, stateful=True)
    stream.filter(lambda reading: reading["rings"]).to_topic(alarms)
    application.run()


if __name__ == "__main__":
    main()

"""The job of benchmarks/rivals.py in Bytewax: state in memory, no recovery."""

import sys

import bytewax.operators as op
import rule
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main


def main() -> None:
    """bootstrap, topic, readings."""
    bootstrap, topic, readings = sys.argv[1:]
    count = rule.Count(int(readings))

    def score(state: object, value: float) -> "tuple[object, bool]":
        count.one()
        return rule.step(state, value)

    flow = Dataflow("rules")
    source = KafkaSource([bootstrap], [topic], tail=False, batch_size=1000)
    keyed = op.map("parse", op.input("telemetry", flow, source), lambda m: rule.parsed(m.value))
    told = op.filter("told", op.stateful_map("score", keyed, score), lambda pair: pair[1])
    op.output("alarms", told, TestingSink([]))
    run_main(flow)


if __name__ == "__main__":
    main()

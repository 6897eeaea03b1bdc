"""Measures the costs that `tocsin plan` reckons with: ns a reading and bytes a channel.

`--write` renews operate/plan/costs.json, all but what `benchmarks.operations.starts` measures and
the cost of a message in the client, which is of the whole worker in docs/performance.md.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from benchmarks.kinds import cost
from configuration.configuration import Configuration
from configuration.lane_plan import Plan
from contracts.batch import Batch
from contracts.records import Records
from detectors.registry import KINDS
from operate.plan.costs import COSTS_FILE, Costs, calibrated_ns, read_costs
from operate.plan.estimate import lifeline_needs, whole_groups
from operate.plan.made_readings import BEGIN_S, MadeReadings
from operate.plan.messages import Form, Messages
from operate.plan.run import alone, run_lane
from tests.testkit import city
from tests.testkit.kinds.all_kinds import cases

CHANNELS = 100_000
READINGS = 100_000
MANY = 500  # readings of a message, beside one
FORMS: tuple[Form, ...] = ("json", "arrow")
SAME_KERNEL = {"rise": "fall", "repeated": "missing", "late": "missing"}
RISE = f"rise:\n  over: 10 s\n  by: {{red: 9}}\n  duty:\n{city.DUTY}"


def configured(folder: Path, more: str = "") -> Plan:
    """A lane of channels with limits, unusual values and silence, and with more rules."""
    configs = folder / "configs"
    city.configure(configs, CHANNELS // 2, 1, folder / "state")
    pack = configs / "water" / "level.yaml"
    pack.write_text(pack.read_text() + more)
    configuration = Configuration.load(configs)
    return alone(configuration, "water", configuration.catalogues["water"])


def per_reading(work: Callable[[Batch], object], batches: Sequence[Batch]) -> float:
    """Median ns of CPU time a reading."""
    taken = []
    for batch in batches:
        began = time.thread_time()
        work(batch)
        taken.append((time.thread_time() - began) * 1e9 / len(batch))
    return median(taken)


def polls(plan: Plan, messages: Messages) -> list[Records]:
    """Some polls of telemetry."""
    return list(MadeReadings(plan, messages).later(READINGS))


def decoding(plan: Plan, form: Form) -> tuple[float, float]:
    """Ns a message, and ns of each reading in it, from messages of one and of many."""
    found = {}
    for readings in (1, MANY):
        decoder = plan.parts(0).decoder
        taken = []
        for records in polls(plan, Messages(form, readings)):
            began = time.thread_time()
            batch = decoder.decode(records)
            taken.append((time.thread_time() - began) * 1e9 / len(batch))
        found[readings] = median(taken[1:])  # the first one may have loaded kernels
    each = (found[MANY] * MANY - found[1]) / (MANY - 1)
    return found[1] - each, each


def judging(plan: Plan) -> dict[str, float]:
    """Ns a reading to admit, to score by the fused rules, and to push deadlines out."""
    parts = plan.parts(0)
    parts.silence.begin(BEGIN_S)
    batches = [parts.decoder.decode(records) for records in polls(plan, Messages("arrow", MANY))]
    scored = {id(batch): np.zeros(len(batch), np.uint8) for batch in batches}

    def admit(batch: Batch) -> None:
        parts.admission.admit(batch, batch.time_ns, (0, len(batch)), scored[id(batch)])

    def score(batch: Batch) -> None:
        parts.scorer.score(batch, scored[id(batch)], (0, len(batch)))

    def hear(batch: Batch) -> None:
        seconds = batch.time_ns // 1_000_000_000
        parts.silence.hear(batch, scored[id(batch)], seconds, (0, len(batch)))

    return {
        "admission_ns": per_reading(admit, batches),
        "fused_ns": per_reading(score, batches),
        "silence_ns": per_reading(hear, batches),
    }


def bytes_beside_state(more: str) -> float:
    """Resident bytes a channel that are not state; right only in a process that did nothing yet."""
    messages = Messages("arrow", MANY)
    with TemporaryDirectory() as folder:
        plan = configured(Path(folder), more)
        few = whole_groups(plan, plan.catalogue, 1)
        run_lane(alone(plan.configuration, plan.lifeline, few), messages, 1)  # loads kernels
        _, seen = run_lane(plan, messages, 1)
        (lane,) = lifeline_needs(plan, messages, read_costs())
    return (seen.memory_bytes - lane.state_bytes) / CHANNELS


def in_new_process(more: str) -> float:
    """The same, measured in a process of its own: memory once freed would be taken again."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(bytes_beside_state, more).result()


def processor() -> str:
    """Model of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))


def measured(former: Costs) -> Costs:
    """New costs; those that are not measured here stay."""
    known = cases()
    kinds = {kind.name: cost(known[kind.name])[0] for kind in KINDS if kind.name in known}
    kinds |= {name: kinds[other] for name, other in SAME_KERNEL.items()}
    with TemporaryDirectory() as folder:
        plan = configured(Path(folder))
        decoded = {form: decoding(plan, form) for form in FORMS}
        judged = judging(plan)
    plain_bytes, rising_bytes = in_new_process(""), in_new_process(RISE)
    return msgspec.structs.replace(
        former,
        measured=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=processor(),
        calibration_ns=calibrated_ns(),
        message_ns={form: ns[0] for form, ns in decoded.items()},
        reading_ns={form: ns[1] for form, ns in decoded.items()},
        **judged,
        kinds_ns=kinds,
        channel_bytes=plain_bytes,
        kind_channel_bytes=rising_bytes - plain_bytes,
    )


def rounded(figures: object) -> object:
    """Three digits of each figure: more would be of this run alone."""
    if isinstance(figures, dict):
        return {name: rounded(figure) for name, figure in figures.items()}
    return float(f"{figures:.3g}") if isinstance(figures, float) else figures


def as_text(costs: Costs) -> str:
    """The costs as their file holds them."""
    data = msgspec.json.encode(rounded(msgspec.to_builtins(costs)))
    return msgspec.json.format(data, indent=1).decode()


def main() -> None:
    """Measure, print, and write when asked."""
    found = measured(read_costs())
    print(as_text(found))
    if "--write" in sys.argv[1:]:
        COSTS_FILE.write_text(as_text(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

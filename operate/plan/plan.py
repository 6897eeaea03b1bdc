"""`tocsin plan`: what channels need under a configuration, and how far off such figures are."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any, Final

from operate.plan.channels import planned
from operate.plan.costs import calibrated_ns, read_costs
from operate.plan.estimate import Needs, needs, unmeasured
from operate.plan.messages import Messages
from operate.plan.run import Comparison, compared
from runtime.exit_codes import GOOD

_MIB, _GIB = float(1 << 20), float(1 << 30)
_HEAD: Final = ("lifeline", "channels", "readings/s", "lanes", "needed", "snapshot MiB", "cores")


def plan(arguments: argparse.Namespace) -> int:
    """Print what is needed, and where asked what a run says of it."""
    configuration = planned(arguments.catalogue, arguments.config)
    messages = Messages(arguments.form, arguments.per_message)
    costs = read_costs()
    slower = calibrated_ns() / costs.calibration_ns
    found = needs(configuration, messages, costs, slower)
    unknown = unmeasured(configuration, costs)
    run = compared(configuration, messages, costs, slower) if arguments.run else None
    if arguments.json:
        sys.stdout.write(json.dumps(as_data(found, unknown, run)) + "\n")
    else:
        lines = [*needs_lines(found, messages), *costs_lines(found, unknown)]
        sys.stdout.write("\n".join(lines + ([] if run is None else run_lines(run))) + "\n")
    return GOOD


def as_data(found: Needs, unknown: list[str], run: Comparison | None) -> dict[str, Any]:
    """The same for programs; sizes in bytes, times in ns or s."""
    data: dict[str, Any] = {
        "lifelines": _lifelines(found),
        "memory_bytes": round(found.memory_bytes),
        "cores": found.cores,
        "snapshot_bytes": round(found.snapshot_bytes),
        "snapshot_bytes_per_s": found.snapshot_bytes_s,
        "costs": {"measured": found.costs.measured, "machine": found.costs.machine},
        "slower": found.slower,
        "unmeasured": unknown,
    }
    if run is not None:
        errors = {name: run.error(name) for name in asdict(run.seen)}
        data["run"] = {**asdict(run), "error": errors}
    return data


def _lifelines(found: Needs) -> dict[str, dict[str, float]]:
    """Figures of each lifeline; sums over its lanes."""
    names = dict.fromkeys(lane.lifeline for lane in found.lanes)
    sums = {}
    for name in names:
        mine = [lane for lane in found.lanes if lane.lifeline == name]
        cores = sum(lane.scoring_cores + lane.client_cores for lane in mine) * found.slower
        sums[name] = {
            "channels": sum(lane.channels for lane in mine),
            "readings_per_s": sum(lane.readings_s for lane in mine),
            "lanes": len(mine),
            "lanes_needed": found.lanes_needed(name),
            "snapshot_bytes": sum(lane.state_bytes for lane in mine),
            "cores": cores,
        }
    return sums


def needs_lines(found: Needs, messages: Messages) -> list[str]:
    """A line for each lifeline, and what all of them need in one worker."""
    rows = [_HEAD]
    for name, of in _lifelines(found).items():
        counts = (f"{of['channels']:,}", f"{of['readings_per_s']:,.1f}")
        lanes = (f"{of['lanes']}", f"{of['lanes_needed']}")
        size = f"{of['snapshot_bytes'] / _MIB:,.1f}"
        rows.append((name, *counts, *lanes, size, f"{of['cores']:.3f}"))
    width = max(len(row[0]) for row in rows)
    table = [row[0].ljust(width) + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows]
    each = f"{messages.readings:,} a message" if messages.readings > 1 else "one a message"
    return [
        *table,
        "",
        f"one worker for all of it, readings as {messages.form}, {each}:",
        f"memory     {found.memory_bytes / _GIB:,.2f} GiB",
        f"cores      {found.cores:.2f}, busy on average; storms and restarts want more",
        f"snapshots  {found.snapshot_bytes / _MIB:,.1f} MiB every {found.snapshot_s:g} s, "
        f"{found.snapshot_bytes_s / _MIB:,.2f} MiB/s",
    ]


def costs_lines(found: Needs, unknown: list[str]) -> list[str]:
    """Where the figures come from."""
    costs = found.costs
    lines = [
        "",
        f"from costs measured {costs.measured} on {costs.machine}; by a small case run on both, "
        f"this machine takes {found.slower:.2f} times as long now",
    ]
    if unknown:
        lines.append(f"not measured, so not counted: the time of {', '.join(unknown)}")
    return lines


def run_lines(run: Comparison) -> list[str]:
    """Predicted beside seen."""
    said = {
        "memory_bytes": ("memory, MiB", _MIB),
        "snapshot_bytes": ("snapshot, MiB", _MIB),
        "scoring_ns": ("decode and score, ns a reading", 1.0),
    }
    what = f"a lane of {run.channels:,} channels of {run.lifeline}"
    lines = [
        "",
        f"{what} took {run.readings:,} made readings:",
        f"{'':32}{'predicted':>12}{'seen':>12}{'error':>9}",
    ]
    for name, (words, unit) in said.items():
        of, seen = getattr(run.predicted, name) / unit, getattr(run.seen, name) / unit
        lines.append(f"{words:32}{of:12,.3f}{seen:12,.3f}{run.error(name):+9.1%}")
    return lines

"""Workers under fire on a real Kafka: what each fault loses, doubles or changes of the alarms."""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.support.claims import Claim, print_claims, print_table, write_rows
from runtime.failpoints import Point
from runtime.installation import HOME
from tests.testkit.faults import brokers, deaths, fleet, machine, network, routes
from tests.testkit.faults.drill import Verdict
from tests.testkit.kafka.broker import missing

PAGE = HOME / "docs" / "reliability.md"
HEAD = ["fault", "rounds", "readings", "revisions", "lost", "doubled", "different", "seconds"]
SECONDS_MAX = 240.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A scenario, and how often it strikes unless told otherwise.

    Parameters
    ----------
    name, what : str
        On the command line, and in the table.
    run : callable
        From a folder, a seed and a number of rounds.
    rounds : int
    usual : bool
        Whether it is run when none is named; those take about five minutes.
    """

    name: str
    what: str
    run: Callable[[Path, int, int], Awaitable[Verdict]]
    rounds: int
    usual: bool = True


FAULTS = (
    Fault("sigkill", "SIGKILL at random", deaths.killed_at_random, 3),
    Fault("crash", "crash at each failpoint", deaths.crashed_at_each_point, len(Point)),
    Fault("zombies", "SIGSTOP, takeover, SIGCONT", fleet.zombies, 2),
    Fault("rolling", "rolling restart of three workers", fleet.rolled, 1, usual=False),
    Fault("crew", "one worker, three, one", fleet.grown_and_shrunk, 1),
    Fault("bounce", "leader of three brokers killed, stopped", brokers.bounced, 2),
    Fault("away", "three brokers down for 10 s", brokers.all_away, 1, usual=False),
    Fault("long-away", "three brokers down for 10 min", brokers.long_away, 1, usual=False),
    Fault("wires", "late, reset and half-open links", network.troubled, 1),
    Fault("half-open", "half-open links for 25 s", network.swallowed, 1, usual=False),
    Fault("cut", "workers cut from one of three brokers", network.cut, 2, usual=False),
    Fault("routes", "blackhole in the routes for 20 s", routes.blackholed, 2, usual=False),
    Fault("blocked", "event loop blocked for 40 s", fleet.blocked, 1, usual=False),
    Fault("disk", "disk of 1 MiB full", machine.disk_full, 1),
    Fault("clock", "wall clock wrong by an hour, either way", machine.clock_jumps, 1, usual=False),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario came to; no verdict when it did not come to an end in time."""

    fault: Fault
    verdict: Verdict | None
    seconds: float
    trouble: str = ""

    def row(self) -> list[str]:
        """Cells of the table."""
        verdict = self.verdict
        if verdict is None:
            return [self.fault.what, "not measured", *[""] * 5, f"{self.seconds:.0f}"]
        figures = [verdict.rounds, verdict.readings, verdict.revisions]
        figures += [verdict.lost, verdict.doubled, verdict.different]
        return [self.fault.what, *(f"{n:,}" for n in figures), f"{self.seconds:.0f}"]


async def strike(fault: Fault, rounds: int, seed: int, seconds_max: float) -> Outcome:
    """Run one scenario within its time."""
    began = time.monotonic()
    verdict, trouble = None, ""
    with TemporaryDirectory(prefix="tocsin-faults-") as folder:
        try:
            async with asyncio.timeout(seconds_max):
                verdict = await fault.run(Path(folder) / fault.name, seed, rounds)
        except TimeoutError:
            trouble = f"did not end within {seconds_max:.0f} s"
        except Exception as error:  # whatever it was, the other scenarios are run
            trouble = f"{first_of(error)!r}"[:2000]
    return Outcome(fault, verdict, time.monotonic() - began, trouble)


def first_of(error: BaseException) -> BaseException:
    """The first error in a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def claims(outcomes: list[Outcome]) -> list[Claim]:
    """Nothing is wrong with what was told; scenarios that came to no verdict claim nothing."""
    said = []
    for outcome in outcomes:
        if (verdict := outcome.verdict) is not None:
            name = f"{outcome.fault.what}, {verdict.rounds} rounds: lost, doubled or different"
            wrong = verdict.lost + verdict.doubled + verdict.different
            said.append(Claim(name, wrong, 0, "revisions", "at most"))
    return said


def arguments() -> argparse.Namespace:
    """What to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(names)}, all")
    parser.add_argument("--rounds", type=int, help="how often each strikes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS_MAX, help="most for each")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    found = parser.parse_args()
    if strange := set(found.faults) - {*names, "all"}:
        parser.error(f"expected faults of {', '.join(names)}; got {', '.join(sorted(strange))}")
    return found


def main() -> None:
    """Strike, judge, tell."""
    wanted = arguments()
    if (lacking := missing()) is not None:
        sys.exit(f"faults: expected a Kafka to hurt workers on, got none: {lacking}")
    named = set(wanted.faults)
    chosen = [f for f in FAULTS if named & {f.name, "all"} or (not named and f.usual)]
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # brokers are meant to be away
    outcomes = []
    for fault in chosen:
        rounds = wanted.rounds or fault.rounds
        outcome = asyncio.run(strike(fault, rounds, wanted.seed, wanted.seconds))
        print(" ".join(outcome.row()), outcome.trouble, file=sys.stderr, flush=True)
        outcomes.append(outcome)
    print("alarm revisions of read-committed readers against a calm replay, byte for byte\n")
    print_table(HEAD, [outcome.row() for outcome in outcomes])
    print_claims(claims(outcomes))
    if wanted.write:
        told = [outcome.row() for outcome in outcomes if outcome.verdict is not None]
        write_rows(PAGE, "faults", HEAD, told)
    if failed := [outcome.fault.name for outcome in outcomes if outcome.verdict is None]:
        sys.exit(f"faults: expected a verdict on each, got none on {', '.join(failed)}")


if __name__ == "__main__":
    main()

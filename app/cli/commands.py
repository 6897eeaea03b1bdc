"""What each `tocsin` command does; the exit code comes back."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.alarm import Alarm, ShelvingRecord
from contracts.dead_letter import DeadLetter
from contracts.desk.answer import CurrentAlarm
from contracts.desk.commands import DeskCommand
from contracts.desk.incident import Incident
from contracts.desk.notice import Notice
from contracts.desk.receipt import Receipt
from contracts.errors import ConfigError
from contracts.journal import Command
from runtime import kernel_cache
from runtime.exit_codes import FAILED, GOOD, WRONG_USE

if TYPE_CHECKING:  # load numba
    from configuration.configuration import Configuration
    from lab.explain.moment import Moment

SCHEMAS: Final[dict[str, Any]] = {
    "alarm": Alarm,
    "command": Command,
    "current-alarm": CurrentAlarm,
    "dead-letter": DeadLetter,
    "desk-command": DeskCommand,
    "incident": Incident,
    "notice": Notice,
    "receipt": Receipt,
    "shelving": ShelvingRecord,
}


def say(line: str) -> None:
    """One line for people or programs on standard output."""
    sys.stdout.write(line + "\n")


def _configuration(folder: Path) -> "Configuration":
    """That of a folder."""
    from configuration.configuration import Configuration  # noqa: PLC0415 - loads numba

    return Configuration.load(folder)


def check(arguments: argparse.Namespace) -> int:
    """Judge a configuration folder."""
    from configuration.checks import folder as checking  # noqa: PLC0415 - loads numba

    findings, warnings = checking.judged(arguments.folder)
    tests = 0
    if not arguments.json:
        sys.stderr.write("".join(f"warning: {warning}\n" for warning in warnings))
    if not findings and (arguments.test or arguments.only):
        from lab.explain.rule_tests import run_tests  # noqa: PLC0415 - loads numba

        configuration = _configuration(arguments.folder)
        tests, findings = run_tests(arguments.folder, configuration, arguments.only)
        if findings and not arguments.json:
            sys.stderr.write("".join(f"{finding}\n" for finding in findings))
            return FAILED
    lost = _forgotten(arguments) if arguments.against and not findings else None
    if arguments.json:
        found = {"good": not findings, "findings": findings, "warnings": warnings}
        say(json.dumps(found if lost is None else {**found, "forgets": lost}))
    elif findings:
        sys.stderr.write("".join(f"{finding}\n" for finding in findings))
    else:
        _sum_up(arguments, tests, lost)
    return WRONG_USE if findings else GOOD


def _sum_up(arguments: argparse.Namespace, tests: int, lost: list[str] | None) -> None:
    """Print what a good folder holds, and what else was asked about it."""
    from configuration.checks.folder import summary  # noqa: PLC0415 - loads numba

    for line in summary(_configuration(arguments.folder)):
        say(line)
    if arguments.test or arguments.only:
        say(f"{tests} rule tests passed")
    if lost is not None:
        say("\n".join(lost) or "a reload would forget nothing that was learned")


def _forgotten(arguments: argparse.Namespace) -> list[str]:
    """What a reload from `--against` to the folder would forget."""
    from configuration.checks.forgotten import forgotten  # noqa: PLC0415 - loads numba

    old, new = _configuration(arguments.against), _configuration(arguments.folder)
    return forgotten(old, new)


def schema(arguments: argparse.Namespace) -> int:
    """JSON Schema of a record, or of a class file for editors."""
    if arguments.what == "class":
        from configuration.class_schema import class_schema  # noqa: PLC0415 - only editors ask for it

        say(json.dumps(class_schema(), indent=2, ensure_ascii=False))
        return GOOD
    schemas = SCHEMAS
    if arguments.what == "reading":
        from ingest.json.reading import Reading  # noqa: PLC0415 - loads numba

        schemas = {"reading": Reading}
    say(json.dumps(msgspec.json.schema(schemas[arguments.what]), indent=2))
    return GOOD


def explain(arguments: argparse.Namespace) -> int:
    """Which values govern a channel and, with a time and telemetry, why it rang or not."""
    from lab.explain import explain as explaining  # noqa: PLC0415 - numba loads only with a time

    configuration, code = _configuration(arguments.configs), GOOD
    pack, values = explaining.governing(arguments.configs, configuration, arguments.channel)
    answer: dict[str, Any] = {"class": pack.label, "values": [asdict(value) for value in values]}
    shown = explaining.lines(pack, values)
    if arguments.time is not None:
        then = _moment(arguments, configuration, pack.lifeline)
        if then.configuration.hash != configuration.hash:
            values = [] if then.pack is None else explaining.kept_values(then.pack)
            label = None if then.pack is None else then.pack.label
            answer = {"class": label, "values": [asdict(value) for value in values]}
            shown = explaining.lines_of_bundle(then.configuration.hash, then.pack, values)
        answer.update(config=then.configuration.hash, state=then.lines)
        shown = [*shown, "", *then.lines]
        code = FAILED if then.most_refused else GOOD
    say(json.dumps(answer, ensure_ascii=False) if arguments.json else "\n".join(shown))
    return code


def _moment(
    arguments: argparse.Namespace, configuration: "Configuration", lifeline: str
) -> "Moment":
    """The channel at the time that was asked for."""
    if arguments.telemetry is None:
        msg = "explain: expected --telemetry FILE beside a time, got none"
        raise ConfigError(msg)
    from lab.data.refusals import say_notes  # noqa: PLC0415 - loads numba
    from lab.explain.moment import moment  # noqa: PLC0415 - loads numba
    from lab.explain.replay import ReplayLanes  # noqa: PLC0415 - loads numba
    from lab.explain.telemetry import Telemetry  # noqa: PLC0415 - loads numba

    telemetry = Telemetry(arguments.telemetry, arguments.columns)
    bench = ReplayLanes(configuration, lifeline, arguments.state, telemetry)
    files = (arguments.telemetry, arguments.journal)
    found = moment(bench, arguments.channel, arguments.time, files)
    say_notes("explain", telemetry.notes)
    return found


def run(arguments: argparse.Namespace) -> int:
    """Run one worker, or several, or the desk stage, until told to stop."""
    if arguments.desk:
        from app.process.desk_worker import city_desk  # noqa: PLC0415 - loads Kafka
        from app.process.run import run_desk  # noqa: PLC0415 - loads Kafka

        arguments.lifeline = None  # it knows the channels of all: heartbeats and links count them
        return asyncio.run(run_desk(arguments, partial(city_desk, arguments.configs)))
    if arguments.workers > 1:
        from app.process.supervisor import run_workers  # noqa: PLC0415 - loads Kafka

        return asyncio.run(run_workers(arguments))
    from app.process.run import run_worker  # noqa: PLC0415 - loads Kafka and numba

    return asyncio.run(run_worker(arguments))


def notify(arguments: argparse.Namespace) -> int:
    """Tell notices to receivers until told to stop."""
    from app.process.run import run_notify  # noqa: PLC0415 - loads Kafka

    return asyncio.run(run_notify(arguments))


def replay(arguments: argparse.Namespace) -> int:
    """Run lanes over files."""
    from lab.explain.replay import replay_files  # noqa: PLC0415 - loads numba

    return replay_files(arguments)


def backtest(arguments: argparse.Namespace) -> int:
    """Hold the alarms of months against known events."""
    from lab.backtest.backtest import backtest as run_backtest  # noqa: PLC0415 - loads numba

    return run_backtest(arguments)


def record(arguments: argparse.Namespace) -> int:
    """Write a range of a telemetry topic to a file."""
    from operate.record import record as write  # noqa: PLC0415 - loads Kafka

    say(asyncio.run(write(arguments)))
    return GOOD


def look(arguments: argparse.Namespace) -> int:
    """Say what was understood of files of readings."""
    from lab.data.look import look as run_look  # noqa: PLC0415 - loads numba

    return run_look(arguments)


def new(arguments: argparse.Namespace) -> int:
    """Write the files of a new class."""
    from lab.new_class.new_class import new_class  # noqa: PLC0415 - loads numba

    return new_class(arguments)


def compare(arguments: argparse.Namespace) -> int:
    """What another configuration would ring over the same readings."""
    from lab.compare.compare import compare as run_compare  # noqa: PLC0415 - loads numba

    return run_compare(arguments)


def tune(arguments: argparse.Namespace) -> int:
    """Propose figures of rules that keep a budget of false alarms."""
    from lab.tune.tune import tune as run_tune  # noqa: PLC0415 - loads numba and scipy

    return run_tune(arguments)


def topics(arguments: argparse.Namespace) -> int:
    """List, verify or create topics."""
    from operate.topics import settle_topics  # noqa: PLC0415 - loads Kafka

    return asyncio.run(settle_topics(arguments))


def compile_kernels(arguments: argparse.Namespace) -> int:
    """Compile every kernel that a configuration needs, so that no reading waits for one."""
    from configuration.warm_up import warm  # noqa: PLC0415 - loads numba

    configuration = _configuration(arguments.configs)
    for lifeline in configuration.partitions:
        warm(configuration, lifeline)
    if arguments.into is not None:
        target = kernel_cache.complete(arguments.into, arguments.cpu)
        say(f"{arguments.into}: kernels for {target.cpu}; set {kernel_cache.SHIPPED} to use them")
    return GOOD


def completion(arguments: argparse.Namespace) -> int:
    """A completion script for a shell, written from the parser."""
    import shtab  # noqa: PLC0415 - only shells ask for it

    from app.cli.parser import parser  # noqa: PLC0415 - the parser is the caller's

    top = parser()
    for action in _actions(top):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    say(shtab.complete(top, arguments.shell))
    return GOOD


def _actions(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in command._actions:  # noqa: SLF001 - argparse has no other way to ask
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for inner in action.choices.values():
                yield from _actions(inner)


def demo(arguments: argparse.Namespace) -> int:
    """Ring over recorded telemetry in compressed time."""
    from app.demo.interrupt import Interrupt  # noqa: PLC0415 - only the demo leaves this way

    leaving = Interrupt()
    leaving.install()
    from app.demo.demo import run_demo  # noqa: PLC0415 - loads Kafka and numba

    return leaving.leave(asyncio.run(run_demo(arguments, leaving)))


def shadow(arguments: argparse.Namespace) -> int:
    """Let a proposed configuration play along on live lanes, take over, or go."""
    from operate.shadow import shadow as act  # noqa: PLC0415 - loads Kafka and numba

    return asyncio.run(act(arguments))


def begin_anew(arguments: argparse.Namespace) -> int:
    """Let a lane that stands go on behind a loss."""
    from operate.begin_anew import begin_anew as begin  # noqa: PLC0415 - loads Kafka and numba

    say(asyncio.run(begin(arguments)))
    return GOOD


def command(arguments: argparse.Namespace) -> int:
    """Send a command to the lane of one channel."""
    from operate.command import command as send  # noqa: PLC0415 - loads Kafka and numba

    return asyncio.run(send(arguments))


# What answers an act of `tocsin alarms`; each is loaded alone, with Kafka. Others are commands.
_DESK_TOOLS: Final = {
    "list": ("operate.desk_view", "desk_view"),
    "show": ("operate.desk_view", "desk_view"),
    "why": ("operate.evidence.why", "why"),
    "kpi": ("operate.desk.kpi", "desk_kpis"),
    "labels": ("operate.desk.labels", "labels"),
    "withheld": ("operate.desk.withheld", "withheld"),
    "handover": ("operate.desk.handover", "handover"),
}
_ANSWER: Final = ("operate.desk_commands", "desk_command")


def alarms(arguments: argparse.Namespace) -> int:
    """Show what the desk stage told, or tell it what people answer."""
    module, name = _DESK_TOOLS.get(arguments.act, _ANSWER)
    tool: Callable[[argparse.Namespace], Coroutine[Any, Any, int]]
    tool = getattr(import_module(module), name)
    return asyncio.run(tool(arguments))


def history(arguments: argparse.Namespace) -> int:
    """Keep the history, or ask it."""
    if arguments.act == "run":
        from app.process.history_process import run_history  # noqa: PLC0415 - loads Kafka and SQL

        return asyncio.run(run_history(arguments))
    from operate import history as tool  # noqa: PLC0415 - loads Kafka and SQL

    if arguments.act == "rebuild":
        return asyncio.run(tool.rebuild_history(arguments))
    if arguments.act in {"migrate", "prune"}:
        return tool.tend_history(arguments)
    return tool.ask_history(arguments)


def resilience(arguments: argparse.Namespace) -> int:
    """Say how lifelines recovered."""
    from operate.resilience.resilience import resilience as tell  # noqa: PLC0415 - loads SQL

    return tell(arguments)


def ledger(arguments: argparse.Namespace) -> int:
    """Keep the ledger, or ask it."""
    if arguments.act == "run":
        from app.process.ledger import run_ledger  # noqa: PLC0415 - loads Kafka

        return asyncio.run(run_ledger(arguments))
    from operate.ledger import ledger as ask  # noqa: PLC0415 - loads pyarrow

    return ask(arguments)


def console(arguments: argparse.Namespace) -> int:
    """Serve the page, or print an entry of its users."""
    if arguments.act == "run":
        from app.process.console import run_console  # noqa: PLC0415 - loads Kafka and SQL

        return asyncio.run(run_console(arguments))
    from operate.console.users import print_user  # noqa: PLC0415 - loads argon2

    return print_user(arguments)


def plan(arguments: argparse.Namespace) -> int:
    """Say what channels need under a configuration."""
    from operate.plan.plan import plan as tell  # noqa: PLC0415 - loads numba

    return tell(arguments)


def dead_letters(arguments: argparse.Namespace) -> int:
    """List what was refused, show one in full, or send originals once more."""
    from operate.dead_letters import dead_letters as act  # noqa: PLC0415 - loads Kafka

    return asyncio.run(act(arguments))


def unknown_channels(arguments: argparse.Namespace) -> int:
    """List ids that came and are in no catalogue."""
    from operate.unknown_channels import unknown_channels as tell  # noqa: PLC0415 - loads Kafka

    return asyncio.run(tell(arguments))


COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "accept": command,
    "alarms": alarms,
    "backtest": backtest,
    "begin-anew": begin_anew,
    "check": check,
    "compare": compare,
    "compile": compile_kernels,
    "completion": completion,
    "console": console,
    "dead-letters": dead_letters,
    "demo": demo,
    "explain": explain,
    "history": history,
    "ledger": ledger,
    "look": look,
    "new": new,
    "notify": notify,
    "plan": plan,
    "record": record,
    "replay": replay,
    "resilience": resilience,
    "run": run,
    "schema": schema,
    "shadow": shadow,
    "shelve": command,
    "topics": topics,
    "tune": tune,
    "unknown-channels": unknown_channels,
    "unshelve": command,
}

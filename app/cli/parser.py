"""What every `tocsin` command is told, with the help that teaches it."""

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import Final

from app.cli import alarm_options, history_options, ledger_options
from contracts.kafka import has_credentials, masked
from lab import options as lab_options
from operate.console.options import console
from operate.plan.options import plan
from operate.resilience.options import resilience
from runtime.installation import CONFIGS
from runtime.kernel_cache import CPUS, HOST


def _location(text: str) -> str:
    """A snapshot location; secrets on a command line are seen by every user of the machine."""
    if not has_credentials(text):
        return text
    msg = (
        f"expected an address without credentials, got {masked(text)!r}; set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or `state: ${env:NAME}` in the configuration"
    )
    raise argparse.ArgumentTypeError(msg)


def _configs(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--configs",
        type=Path,
        default=CONFIGS,
        metavar="FOLDER",
        help="configuration folder (default: the one shipped with Tocsin)",
    )


def _lifeline(command: argparse.ArgumentParser) -> None:
    command.add_argument("--lifeline", default="water", help="which lifeline (default: water)")


def _places(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    where = "snapshot location, instead of the configured one"
    command.add_argument("--state", type=_location, help=where)


def _run(command: argparse.ArgumentParser) -> None:
    _places(command)
    command.add_argument(
        "--lifeline",
        nargs="+",
        default=["water"],
        metavar="NAME",
        help="which lifelines, all in one process (default: water)",
    )
    command.add_argument(
        "--desk",
        action="store_true",
        help="be the desk stage, or wait to be: incidents, notices, answers; takes no lanes",
    )
    command.add_argument("--port", type=int, help="HTTP port, instead of the configured one")
    command.add_argument("--instance", help="static group membership under this name")
    command.add_argument(
        "--workers",
        type=int,
        choices=range(1, 65),
        default=1,
        metavar="N",
        help="worker processes on this machine; they answer on the ports behind the one given",
    )
    command.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)


def _notify(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    command.add_argument("--port", type=int, help="HTTP port, instead of the configured one")


def _replay(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument(
        "--lifeline", help="which lifeline (default: the one that most channels are of)"
    )
    command.add_argument(
        "telemetry",
        type=Path,
        help="recorded records (.parquet), JSON readings (.jsonl) or an export (.csv, .parquet)",
    )
    command.add_argument("--columns", type=Path, help="what the columns of an export are")
    command.add_argument("--journal", type=Path, help="recorded journal entries (.jsonl)")
    earlier = "where bundles of earlier configurations lie"
    command.add_argument("--state", type=_location, help=earlier)
    command.add_argument(
        "--warm",
        type=_location,
        help="keep what was learned at this snapshot location, for lanes that begin there",
    )
    command.add_argument("--out", type=Path, help="write alarm revisions here (.jsonl)")
    command.add_argument("--json", action="store_true", help="print one JSON summary")


def _record(command: argparse.ArgumentParser) -> None:
    _configs(command)
    _lifeline(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    command.add_argument("--from", dest="begin", help="first record stamp, RFC 3339 (default: all)")
    command.add_argument("--to", dest="end", help="stamp to stop before (default: now)")
    command.add_argument("out", type=Path, help="recording to write (.parquet)")


def _check(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, nargs="?", default=CONFIGS)
    command.add_argument("--test", action="store_true", help="run the tests beside packs too")
    command.add_argument(
        "--class",
        dest="only",
        metavar="CLASS",
        default="",
        help="run the tests of this class alone: water.pressure",
    )
    command.add_argument(
        "--against",
        type=Path,
        metavar="OLD",
        help="folder that runs now: tell what a reload would forget",
    )
    command.add_argument("--json", action="store_true", help="print findings and warnings as JSON")


def _explain(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument("channel", help="id of the channel")
    command.add_argument("time", nargs="?", help="moment to explain, RFC 3339; needs --telemetry")
    command.add_argument(
        "--telemetry", type=Path, help="recorded records, JSON readings or an export"
    )
    command.add_argument("--columns", type=Path, help="what the columns of an export are")
    command.add_argument("--journal", type=Path, help="recorded journal entries (.jsonl)")
    earlier = "where bundles of earlier configurations lie"
    command.add_argument("--state", type=_location, help=earlier)
    command.add_argument("--json", action="store_true", help="print it as JSON")


def _topics(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    command.add_argument(
        "--create",
        action="store_true",
        help="create what is missing; else with --bootstrap say what is",
    )
    command.add_argument("--replication", type=int, default=3, help="copies of each partition")
    command.add_argument(
        "--keep-stamps",
        action="store_true",
        help="telemetry keeps the stamps that it comes with: for a site that mirrors another",
    )
    command.add_argument(
        "--carry",
        type=Path,
        metavar="OLD",
        help="let new lanes begin with what those of another configuration folder learned",
    )
    command.add_argument(
        "--acl",
        action="store_true",
        help="print the least rights that each role needs, as commands for `kafka-acls.sh`",
    )
    command.add_argument("--json", action="store_true", help="print the list as JSON")


def _begin_anew(command: argparse.ArgumentParser) -> None:
    _places(command)
    _lifeline(command)
    command.add_argument("--lane", type=int, required=True, help="number of the lane that stands")
    skip = "go on at this telemetry offset instead, behind what nobody can judge"
    command.add_argument("--skip-to", type=int, metavar="OFFSET", help=skip)


def _dead_letters(command: argparse.ArgumentParser) -> None:
    command.add_argument("act", choices=["list", "show", "replay"])
    command.add_argument("place", nargs="?", help="one of them, as `list` names it: LANE@OFFSET")
    command.add_argument("--reason", help="only what was refused for this reason")
    _brokers(command)
    command.add_argument("--json", action="store_true", help="print the list as JSON lines")


def _unknown_channels(command: argparse.ArgumentParser) -> None:
    _brokers(command)
    command.add_argument("--json", action="store_true", help="print counts too, as JSON lines")


def _brokers(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")
    command.add_argument("--lifeline", help="only what this lifeline's lanes refused")


def _compile(command: argparse.ArgumentParser) -> None:
    _configs(command)
    into = "put kernels there, for workers with TOCSIN_KERNELS=FOLDER; they write nothing into it"
    command.add_argument("--into", type=Path, metavar="FOLDER", help=into)
    least = "with --into: the least CPU that the workers have (default: this one)"
    command.add_argument("--cpu", choices=(HOST, *CPUS), default=HOST, help=least)


def _shadow(command: argparse.ArgumentParser) -> None:
    command.add_argument("act", choices=["begin", "promote", "rollback", "status"])
    command.add_argument(
        "proposed", type=Path, nargs="?", help="configuration folder of the shadow"
    )
    command.add_argument("--by", help="who wants it; the journal keeps it")
    command.add_argument("--reason", help="why; the journal keeps it")
    _signature(command)
    _places(command)
    _lifeline(command)
    command.add_argument("--json", action="store_true", help="print the status as JSON lines")


def _signature(command: argparse.ArgumentParser) -> None:
    command.add_argument("--key", type=Path, metavar="FILE", help="private key to sign with (PEM)")
    command.add_argument("--role", help="role to act in, if the key has several")


def _channel_command(command: argparse.ArgumentParser) -> None:
    command.add_argument("channel", help="id of the channel")
    command.add_argument("--by", required=True, help="who wants it; the journal keeps it")
    command.add_argument("--reason", required=True, help="why; the journal keeps it")
    _signature(command)
    _configs(command)
    command.add_argument("--bootstrap", help="Kafka address, instead of the configured one")


def _shelve(command: argparse.ArgumentParser) -> None:
    _channel_command(command)
    command.add_argument(
        "--for", dest="length", required=True, metavar="TIME", help="how long, such as '2 h'"
    )
    command.add_argument(
        "--once", action="store_true", help="end sooner: once the alarm is over (one-shot)"
    )


def _schema(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", choices=SCHEMAS)


def _demo(command: argparse.ArgumentParser) -> None:
    _configs(command)
    command.add_argument(
        "--seconds", type=float, help="length of the demo; 0 runs until interrupted (default: 40)"
    )
    command.add_argument(
        "--bootstrap", help="play on this Kafka, on topics of its own, deleted at the end"
    )
    command.add_argument("--report", type=Path, default=Path("report"), help="where to write")


def _completion(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=["bash", "zsh"])


SCHEMAS: Final = (
    "alarm", "class", "command", "current-alarm", "dead-letter", "desk-command", "incident",
    "notice", "reading", "receipt", "shelving",
)  # fmt: skip
_COMMANDS: Final = (
    (
        "run",
        _run,
        "take lanes of a lifeline and ring its alarms",
        "tocsin run --lifeline water --bootstrap kafka-1:9092 --state /var/lib/tocsin",
    ),
    (
        "notify",
        _notify,
        "tell notices to receivers: Alertmanager, webhooks, CAP",
        "tocsin notify --configs configs --bootstrap kafka-1:9092",
    ),
    (
        "replay",
        _replay,
        "run the same lanes over recorded telemetry",
        "tocsin replay --lifeline water --out alarms.jsonl telemetry.jsonl",
    ),
    (
        "record",
        _record,
        "write a range of a telemetry topic to a file",
        "tocsin record --from 2026-03-01T00:00+08:00 --to 2026-04-01T00:00+08:00 march.parquet",
    ),
    (
        "backtest",
        lab_options.backtest,
        "hold the alarms of months against events",
        "tocsin backtest configs data --labels data/known.yaml --report backtest",
    ),
    (
        "compare",
        lab_options.compare,
        "what another configuration would ring",
        "tocsin compare configs proposed data --labels data/known.yaml --budget 144",
    ),
    (
        "tune",
        lab_options.tune,
        "propose figures of rules that keep a budget",
        "tocsin tune configs data --labels data/known.yaml --bounds tune.yaml --false-alarms 2",
    ),
    (
        "look",
        lab_options.look,
        "say what was understood of readings, before a run",
        "tocsin look export.csv --columns columns.yaml",
    ),
    (
        "new",
        lab_options.new,
        "begin a class: its file, and the tests beside it",
        "tocsin new class configs water.sump_level --unit m --period '60 s' --range 0 4",
    ),
    (
        "check",
        _check,
        "judge a configuration before anything runs it",
        "tocsin check configs --test",
    ),
    (
        "plan",
        plan,
        "memory, cores, partitions and snapshots that channels need, and how far off that is",
        "tocsin plan city.csv configs --form arrow --per-message 500 --run",
    ),
    (
        "explain",
        _explain,
        "what governs a channel, and why it rang",
        "tocsin explain water.feed-01.flow 2022-04-28T12:00:00+08:00 --telemetry month.jsonl",
    ),
    (
        "topics",
        _topics,
        "list, verify or create the Kafka topics",
        "tocsin topics --create --bootstrap kafka-1:9092",
    ),
    (
        "shadow",
        _shadow,
        "let a proposed configuration play along on live lanes, take over, or go",
        "tocsin shadow begin proposed --by li.wei --reason 'quieter at night'",
    ),
    (
        "alarms",
        alarm_options.alarms,
        "list, show and answer alarms and incidents: acknowledge, assign, dispatch, close",
        "tocsin alarms ack i-385ed651a66d075a --by li.wei --key li.wei.pem",
    ),
    (
        "history",
        history_options.history,
        "keep alarms, incidents, notices and commands in SQL, and ask for them",
        "tocsin history incidents --lifeline water --colour red",
    ),
    (
        "resilience",
        resilience,
        "how lifelines recovered: what was lost, when, and what came before anybody answered",
        "tocsin resilience i-385ed651a66d075a --report resilience.html",
    ),
    (
        "console",
        console,
        "serve the page on which people see the city and answer",
        "tocsin console run --configs /etc/tocsin",
    ),
    (
        "ledger",
        ledger_options.ledger,
        "keep, verify and prove a signed record of what was told and done",
        "tocsin ledger checkpoint --against handover-2026-03-01.txt",
    ),
    (
        "shelve",
        _shelve,
        "hold back a channel's alarms for a while, on record",
        "tocsin shelve water.feed-01.flow --for '2 h' --by li.wei --reason 'flushing' "
        "--key li.wei.pem",
    ),
    (
        "unshelve",
        _channel_command,
        "end a shelving before its time",
        "tocsin unshelve water.feed-01.flow --by li.wei --reason 'done early' --key li.wei.pem",
    ),
    (
        "accept",
        _channel_command,
        "take what a channel does now for normal: its learned rules begin anew",
        "tocsin accept water.feed-01.flow --by li.wei --reason 'new pump' --key li.wei.pem",
    ),
    (
        "dead-letters",
        _dead_letters,
        "what was refused, by cause; after a fix, send the originals once more",
        "tocsin dead-letters replay --reason unknown_channel --bootstrap kafka-1:9092",
    ),
    (
        "unknown-channels",
        _unknown_channels,
        "ids that came and are in no catalogue, as rows for one",
        "tocsin unknown-channels --lifeline water --bootstrap kafka-1:9092 > new.csv",
    ),
    (
        "begin-anew",
        _begin_anew,
        "let a lane that stands go on behind a loss, and say what is given up",
        "tocsin begin-anew --lifeline water --lane 3 --bootstrap kafka-1:9092",
    ),
    (
        "schema",
        _schema,
        "JSON Schema of a record or of a class file",
        "tocsin schema class > class.schema.json",
    ),
    (
        "compile",
        _compile,
        "compile every kernel that a configuration needs, here or for an image",
        "tocsin compile --into /opt/tocsin/kernels --cpu x86-64-v3",
    ),
    (
        "demo",
        _demo,
        "ring over real telemetry, without Kafka or Java",
        "tocsin demo --seconds 60 --report report",
    ),
    (
        "completion",
        _completion,
        "a script that teaches a shell these commands",
        "source <(tocsin completion bash)",
    ),
)


def parser() -> argparse.ArgumentParser:
    """Every command and option, with the help that teaches them."""
    top = argparse.ArgumentParser(
        prog="tocsin",
        description="Watches a city's lifelines and rings when one is failing.",
        epilog="Exit codes: 0 good, 1 failed, 2 wrong usage or configuration.",
    )
    top.add_argument("--version", action="version", version=f"tocsin {version('tocsin')}")
    top.add_argument("--verbose", action="store_true", help="say more on standard error")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, arguments, what, example in _COMMANDS:
        command = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"Example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        arguments(command)
    return top

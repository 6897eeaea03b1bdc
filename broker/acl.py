"""The least rights on Kafka that each role needs, as commands that give them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from contracts.topics import TopicNames

ADMIN: Final = "admin.properties"
DESK: Final = "desk"  # stands where a lane has its lifeline


def desk_group(app: str) -> str:
    """Consumer group of the desk stage: whoever has the partition of its commands is the stage.

    Not below `<app>-desk`, which people who hear alarms may join.
    """
    return f"{app}-stage"


class Right(msgspec.Struct, frozen=True):
    """What one role may do to some resources; who may read or write may describe, too.

    Parameters
    ----------
    role : str
    operations : tuple of str
        As Kafka names them.
    resource : str
        `topic`, `group` or `transactional-id`.
    names : tuple of str
    prefixed : bool
        Whether every name that begins so is meant.
    """

    role: str
    operations: tuple[str, ...]
    resource: str
    names: tuple[str, ...]
    prefixed: bool = False

    def line(self, app: str, bootstrap: str) -> str:
        """The command that gives it."""
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap, "--command-config", ADMIN]
        words += ["--add", "--allow-principal", f"User:{app}-{self.role}"]
        for operation in self.operations:
            words += ["--operation", operation]
        for name in self.names:
            words += [f"--{self.resource}", name]
        return " ".join([*words, *(["--resource-pattern-type", "prefixed"] * self.prefixed)])


def rights(lifelines: Iterable[str], names: TopicNames) -> list[Right]:
    """Rights of every role on the topics of some lifelines.

    - `worker` runs lanes: `tocsin run`, and `tocsin begin-anew` while none runs.
    - `desk-stage` runs the desk stage over all alarms.
    - `notify` tells notices to receivers (`tocsin notify`).
    - `gateway` sends telemetry.
    - `desk` hears alarms, incidents and notices, sends commands and looks after shadows
      (`tocsin shadow`).
    - `history` keeps alarms, incidents, notices and what journals say of commands in SQL
      (`tocsin history run` and `rebuild`).
    - `console` sends what people answer on the page, reads telemetry behind a trend, and hears
      canaries on the shadow topic (`tocsin console run`).
    - `reader` reads telemetry, alarms, incidents, journals and what was refused; writes nothing
      (`tocsin record`, `tocsin ledger run`).

    Parameters
    ----------
    lifelines : iterable of str
    names : TopicNames
        Its prefix is the first part of groups and transactional ids as well.
    """
    app, known = names.prefix, list(lifelines)
    telemetry, commands, alarms, journal, manifests = (
        tuple(map(of, known))
        for of in (names.telemetry, names.commands, names.alarms, names.journal, names.manifests)
    )
    shared, told = (names.dead_letters, names.shadow), (names.incidents, names.notices)
    answered, noted = (*told, names.current), (*journal, names.journal(DESK))
    heard = (*answered, names.receipts)
    own = (names.journal(DESK), names.manifests(DESK), *answered)
    return [
        Right("worker", ("Read",), "topic", (*telemetry, *commands)),
        Right("worker", ("Read", "Write"), "topic", (*journal, *manifests, *alarms)),
        Right("worker", ("Write",), "topic", shared),
        Right("worker", ("Read",), "group", tuple(f"{app}-{name}" for name in known)),
        Right(
            "worker",
            ("Write",),
            "transactional-id",
            tuple(f"{app}-{name}-" for name in known),
            prefixed=True,
        ),
        Right("desk-stage", ("Read",), "topic", (*alarms, names.commands(DESK))),
        Right("desk-stage", ("Read", "Write"), "topic", own),
        Right("desk-stage", ("Write",), "topic", (names.dead_letters,)),
        Right("desk-stage", ("Read",), "group", (desk_group(app),)),
        Right("desk-stage", ("Write",), "transactional-id", (f"{app}-{DESK}-",), prefixed=True),
        Right("notify", ("Read",), "topic", told),
        Right("notify", ("Read", "Write"), "topic", (names.receipts,)),
        Right("notify", ("Write",), "transactional-id", (f"{app}-notify-",), prefixed=True),
        Right("gateway", ("Write",), "topic", telemetry),
        Right("desk", ("Read",), "topic", (*alarms, *heard, *journal, *manifests)),
        Right("desk", ("Write",), "topic", (*commands, names.commands(DESK))),
        Right("desk", ("Read",), "group", (f"{app}-desk",), prefixed=True),
        Right("history", ("Read",), "topic", (*alarms, *noted, *told)),
        Right("console", ("Write",), "topic", (*commands, names.commands(DESK))),
        Right("console", ("Read",), "topic", (*telemetry, names.shadow)),
        Right("reader", ("Read",), "topic", (*telemetry, *alarms, *heard, *noted, *shared)),
        Right("reader", ("Read",), "group", (f"{app}-reader",), prefixed=True),
    ]


def lines(
    partitions: Mapping[str, int], names: TopicNames, bootstrap: str, *, as_json: bool = False
) -> Iterator[str]:
    """Commands that give every role its rights, or the rights as JSON.

    Examples
    --------
    >>> found = list(lines({"water": 4}, TopicNames(), "kafka-1:9093"))
    >>> print(next(line for line in found if "User:tocsin-gateway" in line))
    kafka-acls.sh --bootstrap-server kafka-1:9093 --command-config admin.properties --add
    --allow-principal User:tocsin-gateway --operation Write --topic tocsin.telemetry.water
    """
    for right in rights(partitions, names):
        if as_json:
            yield json.dumps(msgspec.to_builtins(right))
        else:
            yield right.line(names.prefix, bootstrap)

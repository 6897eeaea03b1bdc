"""`tocsin shadow`: let a proposed configuration play along, take over, or go."""

import argparse
import json
import sys
from typing import Any, Final

import msgspec

from configuration.bundle_store import keep
from configuration.configuration import Configuration
from configuration.signing import as_sent
from contracts.errors import ConfigError
from contracts.journal import Entry, Promote, Rollback, Shadow, ShadowCommand, Shed, Swap
from contracts.ports.lane_log import Manifest
from operate.command_desk import CommandDesk, command_desk, unheeded
from operate.settings import settled
from pipeline.snapshot.store import SnapshotStore, unpack

ACTS: Final[dict[str, type[ShadowCommand]]] = {
    "begin": Shadow,
    "promote": Promote,
    "rollback": Rollback,
}


class Cast(msgspec.Struct):
    """Who plays in a lane: what governs, and what plays along.

    Parameters
    ----------
    lane : str
    governs : str
        Hash of the bundle that rings.
    shadow, by, reason : str
        Hash of the bundle that plays along, who began it and why; empty when none does.
    replaced : list of str
        Hashes of bundles that promoted ones replaced, first the one that was deployed.
    let_go : str
        Why the lane let go of its last shadow by itself, empty if it did not.
    compared : dict
        Findings of both, only live, only shadow, as the newest snapshot has them.
    """

    lane: str
    governs: str = ""
    shadow: str = ""
    by: str = ""
    reason: str = ""
    replaced: list[str] = msgspec.field(default_factory=list)
    let_go: str = ""
    compared: dict[str, int] = msgspec.field(default_factory=dict)

    def follow(self, entry: Entry) -> None:
        """Let a journal entry take effect here."""
        change = entry.change
        if isinstance(change, Shadow):
            self.shadow, self.by, self.reason = change.config, change.by, change.reason
            self.let_go = ""
        elif isinstance(change, Promote):
            self.replaced = [*self.replaced[:1], self.governs]
            self.governs = change.config
            self._end()
        elif isinstance(change, Rollback):
            if not self.shadow:
                self.governs = self.replaced.pop()
            self._end()
        elif isinstance(change, Shed):
            self._end()
            self.let_go = change.reason
        elif isinstance(change, Swap):
            self.governs, self.replaced = change.config, []

    def _end(self) -> None:
        self.shadow, self.by, self.reason, self.compared = "", "", "", {}

    def line(self) -> str:
        """One line for people."""
        text = f"{self.lane}: {self.governs or 'nothing yet'} governs"
        if self.replaced:
            text += f", promoted over {self.replaced[-1]}"
        if self.shadow:
            text += f"; {self.shadow} plays along, begun by {self.by}: {self.reason}"
        if self.compared:
            text += "; findings up to the newest snapshot: " + ", ".join(
                f"{count} {name.replace('_', ' ')}" for name, count in self.compared.items()
            )
        return text + (f"; let go of its shadow: {self.let_go}" if self.let_go else "")


async def shadow(arguments: argparse.Namespace) -> int:
    """Send a command about shadows to every lane, wait for its effect; or say what runs."""
    if arguments.act == "status":
        configuration = settled(arguments)
        async with command_desk(configuration, arguments.lifeline) as desk:
            store = SnapshotStore(configuration.settings.state)
            for number in range(desk.plan.partitions):
                cast = await _cast(desk, store, number)
                line = json.dumps(msgspec.to_builtins(cast)) if arguments.json else ""
                sys.stdout.write((line or cast.line()) + "\n")
        return 0
    wanted = _command(arguments)
    configuration = settled(arguments)
    command = as_sent(
        wanted, configuration.settings, arguments.lifeline, key=arguments.key, role=arguments.role
    )
    async with command_desk(configuration, arguments.lifeline) as desk:
        if isinstance(command, Shadow):
            proposed = Configuration.load(arguments.proposed)
            keep(SnapshotStore(configuration.settings.state), proposed)
        answers = await desk.answers(command, range(desk.plan.partitions))
    for line in answers:
        sys.stdout.write(line + "\n")
    return 1 if unheeded(answers) else 0


def _command(arguments: argparse.Namespace) -> ShadowCommand:
    wanted = {"PROPOSED": arguments.proposed, "--by": arguments.by, "--reason": arguments.reason}
    missing = [name for name, given in wanted.items() if not given]
    if missing:
        msg = f"shadow {arguments.act}: expected {' and '.join(missing)}; the journal keeps them"
        raise ConfigError(msg)
    config = Configuration.load(arguments.proposed).hash
    return ACTS[arguments.act](config, arguments.by, arguments.reason)


async def _cast(desk: CommandDesk, store: SnapshotStore, number: int) -> Cast:
    """What a lane's newest snapshot and its journal behind it say."""
    found, _ = await desk.reader.read(desk.topics.manifests(desk.plan.lifeline), number, None)
    cast, first = Cast(str(desk.plan.name(number))), None
    if found:
        manifest = msgspec.json.decode(found[-1].value, type=Manifest)
        header = unpack(store.read(manifest.snapshot, manifest.checksum)).header
        cast, first = _begun(cast.lane, header), manifest.journal
    for _, entry in await desk.journal(number, first):
        cast.follow(entry)
    return cast


def _begun(lane: str, header: dict[str, Any]) -> Cast:
    """What a snapshot's header says of shadows."""
    cast = Cast(lane, header["config"], replaced=list(header.get("before", ())))
    state = header.get("understudy")
    if state:
        cast.shadow, cast.by = state["lane"]["config"], state["by"]
        cast.reason = state["reason"]
        live, shadow_ = state["tally"]["rings"]
        both = state["tally"]["both"]
        cast.compared = {"both": both, "only_live": live - both, "only_shadow": shadow_ - both}
    return cast

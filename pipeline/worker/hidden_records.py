"""Alarms about what a lane could not hear: what is hidden of a log, and brokers that were away."""

from collections.abc import Callable
from typing import Final

import msgspec

from contracts.alarm import decode_alarm, encode_alarm
from contracts.errors import BrokersAway, Hidden, TocsinError
from contracts.lane import LaneName
from contracts.ports.lane_log import Message
from pipeline.worker.broker_contact import BrokerContact

# As long as Kafka's own clients keep a transaction open that they have forgotten.
HIDDEN_S_MAX: Final = 60.0


class HiddenRecords:
    """Rings once for each transaction that stays open too long, and says when it has ended.

    A long outage of the brokers is told when it is over, as nothing can be told before: by an alarm
    that has cleared already. Neither is an output of the lane, so neither its count nor a
    replay has it.

    Parameters
    ----------
    name : LaneName
    contact : BrokerContact
        Remembers what has rung when the lane begins anew.
    alarm : callable
        Alarm from the lane's name, the reason and the time in ms.
    """

    def __init__(
        self,
        name: LaneName,
        contact: BrokerContact,
        alarm: Callable[[LaneName, TocsinError, int], Message],
    ) -> None:
        self._name, self._contact, self._alarm = name, contact, alarm
        self._logs = {"telemetry": contact.telemetry, "commands": contact.commands}
        self._rung = {what: log.alarm for what, log in self._logs.items()}
        self._outages = 0  # that the last answer told of

    def tell(self, now_ms: int) -> list[Message]:
        """Revisions that are to be flushed now, if any."""
        hidden = [m for what in self._logs for m in self._tell_hidden(what, now_ms)]
        return [*self._tell_outages(), *hidden]

    def _tell_outages(self) -> list[Message]:
        blind = self._contact.blind
        self._outages = len(blind)
        errors = [BrokersAway(str(self._name), *outage) for outage in blind]
        rung = [self._alarm(self._name, error, error.ended_ms) for error in errors]
        return [message for one in rung for message in (one, _cleared(one))]

    def _tell_hidden(self, what: str, now_ms: int) -> list[Message]:
        log, rung = self._logs[what], self._rung[what]
        if rung is None and log.hidden_s > HIDDEN_S_MAX:
            error = Hidden(str(self._name), log.view.stable_end, log.view.end, what)
            rung = self._rung[what] = self._alarm(self._name, error, now_ms)
            return [rung]
        if rung is not None and not log.hidden_s:
            self._rung[what] = None
            return [_cleared(rung)]
        return []

    def told(self) -> None:
        """What `tell` gave is committed."""
        for what, log in self._logs.items():
            log.alarm = self._rung[what]
        del self._contact.blind[: self._outages]
        self._outages = 0


def _cleared(rung: Message) -> Message:
    alarm = decode_alarm(rung.body)
    ended = msgspec.structs.replace(
        alarm, revision=alarm.revision + 1, state="cleared", colour="clear", was=alarm.colour
    )
    return Message(rung.kind, rung.key, encode_alarm(ended))

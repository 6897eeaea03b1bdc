"""The alarm record as downstream systems read it: one JSON object per revision."""

from typing import Literal

import msgspec

State = Literal["active", "shelved", "cleared"]

# No record of these can be part of a cycle, so the collector need not look at them: in a storm it
# would walk hundreds of thousands.


class Where(msgspec.Struct, frozen=True, gc=False):
    """Place of a channel, down to its grid cell; longitude and latitude in WGS 84 degrees."""

    district: str
    street: str
    neighbourhood: str
    grid: str
    lon: float | None
    lat: float | None


class Next(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The next worse colour and the value beyond which it rings."""

    colour: str
    below: float | None = None
    above: float | None = None


class Approach(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The limit that a value reaches within the time to respond, if it moves on as it does.

    Parameters
    ----------
    colour : str
        Of the limit.
    at : str
        When it is reached, RFC 3339.
    below, above : float or None
        The limit: one of the two.
    """

    colour: str
    at: str
    below: float | None = None
    above: float | None = None


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """Where in the log the readings behind a revision lie; re-read when needed.

    Parameters
    ----------
    channel : str
        Channel whose readings they are.
    topic : str
        Telemetry topic.
    partition : int
        Its partition.
    first, last : int
        Offsets, both inclusive: from shortly before the onset to the reading that changed the
        level. `last` is -1 when a timer changed it and no reading had come yet.
    """

    channel: str
    topic: str
    partition: int
    first: int
    last: int


class RespondTo(msgspec.Struct, frozen=True, gc=False):
    """Response sheet and its first steps."""

    procedure: str
    first: list[str]


class OwnedBy(msgspec.Struct, frozen=True, gc=False):
    """Who must acknowledge by when, and who is told next."""

    level: str
    role: str
    acknowledge_by: str
    then: str


class RungBy(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Rule that rang: its name, where it was written, where its figures come from, what it found.

    `finding` is one of the kind's own (`high`, `stuck`), left out where a kind has but one.
    """

    name: str
    at: str
    source: str
    config: str
    finding: str = ""


class Alarm(msgspec.Struct, frozen=True, gc=False):
    """One revision of one alarm; (`id`, `revision`) is its key everywhere.

    The body is a function of (telemetry, journal): what varies between deliveries travels in the
    record's headers. Times are RFC 3339 in the city's own zone; values are in `unit`; NaN is null.
    Whether anybody has answered is not a lane's to say: `tocsin.alarms.current` has it.

    `link` is by what a silent channel speaks; left out where it names none, and of other alarms.
    `approach` is there where a limit is about to be reached.
    """

    id: str
    revision: int
    state: State
    colour: str
    was: str
    lifeline: str
    channel: str
    group: str
    onset: str
    detected: str
    say: dict[str, str]
    observed: float | None
    expected: float | None
    band: list[float] | None
    unit: str
    next: Next | None
    where: Where
    criticality: str
    evidence: list[Evidence]
    cause: str
    consequence: str
    respond: RespondTo
    owner: OwnedBy
    rule: RungBy
    asset: str = ""
    class_name: str = msgspec.field(name="class", default="")
    life_safety: bool = False
    # Bodies of all other alarms stay as they were.
    link: str | msgspec.UnsetType = msgspec.UNSET
    approach: Approach | msgspec.UnsetType = msgspec.UNSET


class ShelvingEnd(msgspec.Struct, frozen=True):
    """Why a shelving is over.

    Parameters
    ----------
    at : str
        Lane time, RFC 3339.
    how : str
        `time` when it was up, `command` when somebody ended it, `life_safety` when a new
        configuration says that the class is never shelved, `return` when nothing rings on the
        channel any more and it was shelved no longer than that.
    by, role, reason : str
        Who ended it, empty unless a command did.
    """

    at: str
    how: Literal["time", "command", "life_safety", "return"]
    by: str = ""
    role: str = ""
    reason: str = ""


class ShelvingRecord(msgspec.Struct, frozen=True):
    """A channel was shelved, or is shown again: who wants it, why, until when.

    Parameters
    ----------
    channel, lifeline : str
    state : str
        `shelved` or `shown`.
    since, until : str
        Lane time at which it began, and at which it ends by itself; RFC 3339.
    by, role, reason, command : str
        Of the command that shelved it; `command` is its id.
    ended : ShelvingEnd or None
        None while it lasts.
    once : bool
        Whether it ends before `until` once nothing rings on the channel; left out where not.
    """

    channel: str
    lifeline: str
    state: Literal["shelved", "shown"]
    since: str
    until: str
    by: str
    role: str
    reason: str
    command: str
    ended: ShelvingEnd | None = None
    # Bodies of shelvings by time stay as they were: a replay must tell the same.
    once: bool | msgspec.UnsetType = msgspec.UNSET


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alarm)
_SHELVING_DECODER = msgspec.json.Decoder(ShelvingRecord)


def encode_alarm(alarm: Alarm) -> bytes:
    """Body of a revision, fields in the order of the struct."""
    return _ENCODER.encode(alarm)


def encode_shelving(record: ShelvingRecord) -> bytes:
    """Body of what is told of a shelving, fields in the order of the struct."""
    return _ENCODER.encode(record)


def decode_alarm(body: bytes) -> Alarm:
    """Revision from its body; `msgspec.ValidationError` when it is none."""
    return _DECODER.decode(body)


def decode_shelving(body: bytes) -> ShelvingRecord:
    """What is told of a shelving from its body; `msgspec.ValidationError` when it is none."""
    return _SHELVING_DECODER.decode(body)

"""A lane's second input: everything but telemetry that may change what it tells."""

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from contracts.bounded_text import bounded
from contracts.errors import DETAIL_BYTES

# Bounds of a command. They hold for what comes, not for what a journal of earlier days holds.
COMMAND_BYTES: Final = 16 << 10
BODY_KEPT: Final = 1024  # of a command that is refused, before escaping
_FIELD_BYTES: Final = {"channel": 1024, "by": 256, "reason": 2048}
_BUNDLE: Final = re.compile(r"[0-9a-f]{16}")

SHELVE_S_MAX: Final = 30 * 86_400

# Keeps a signature from being taken for one of something else that the key may have signed.
SIGNING_CONTEXT: Final = b"tocsin command 1\n"

Seconds = Annotated[int, Meta(ge=0)]
# Whole numbers that every reader of JSON keeps.
EpochMs = Annotated[int, Meta(ge=0, le=2**53 - 1)]
ShortName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Offset = Annotated[int, Meta(ge=0)]


class Tick(msgspec.Struct, frozen=True, tag="tick", tag_field="kind"):
    """Lane time reaches `lane_time_s` although no record said so: the lane is quiet."""

    lane_time_s: Seconds


class Outage(msgspec.Struct, frozen=True, tag="outage", tag_field="kind"):
    """The brokers did not answer the lane for so long: what it did not hear was not silence.

    Parameters
    ----------
    seconds : int
        From the last answer before the outage to the first one behind it.
    """

    seconds: Seconds


class StampLimit(msgspec.Struct, frozen=True, tag="stamp_limit", tag_field="kind"):
    """From here on a record stamped more than a day behind `now_s` does not move lane time.

    Journalled only where such records come: a sender's clock, or a forger, is years ahead, and the
    topic keeps its stamps.

    Parameters
    ----------
    now_s : int
        The worker's clock, seconds since 1970 UTC.
    """

    now_s: Seconds


class CommandBase(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    repr_omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    """What an operator's command says of itself, beside what it wants.

    All of it is left out of commands that nobody signs, and of journals of earlier releases. What
    a signature covers is told by `signed_bytes`.

    Parameters
    ----------
    id : str
        Chosen by the sender: the same one twice is carried out once.
    at, expires : int
        When it was given, and when it is worth nothing any more; epoch milliseconds.
    role : str
        Role in which its sender gives it.
    key : str
        Name of the key that signed it.
    signature : str
        Ed25519, 64 bytes as base64.
    """

    id: ShortName = ""
    at: EpochMs = 0
    expires: EpochMs = 0
    role: ShortName = ""
    key: ShortName = ""
    signature: Annotated[str, Meta(max_length=88)] = ""


class Shelve(CommandBase, frozen=True, tag="shelve"):
    """Hold a channel's alarms back, for a stated reason and time.

    Parameters
    ----------
    channel, by, reason : str
    seconds : int
        How long, lane time.
    once : bool
        Whether it ends before that, as soon as an alarm of the channel is over and none stands:
        ISA-18.2 calls it one-shot. Its readings are scored meanwhile; without it they are held.
    """

    channel: str
    by: str
    reason: str
    seconds: Annotated[int, Meta(ge=1, le=SHELVE_S_MAX)]
    once: bool = False


class Unshelve(CommandBase, frozen=True, tag="unshelve"):
    """End a shelving before its time."""

    channel: str
    by: str
    reason: str


class Accept(CommandBase, frozen=True, tag="accept"):
    """Take what a channel does now for normal: its learned rules begin anew, limits stay."""

    channel: str
    by: str
    reason: str


class Shadow(CommandBase, frozen=True, tag="shadow"):
    """Let the bundle with this hash score every reading too as if it governed, and ring nothing."""

    config: str
    by: str
    reason: str


class Promote(CommandBase, frozen=True, tag="promote"):
    """Let the shadow with this hash govern, with all that its rules have learned."""

    config: str
    by: str
    reason: str


class Rollback(CommandBase, frozen=True, tag="rollback"):
    """End the shadow with this hash; if it was promoted, let the former bundle govern again."""

    config: str
    by: str
    reason: str


class Shed(msgspec.Struct, frozen=True, tag="shed", tag_field="kind"):
    """The lane lets go of its shadow by itself, for this reason."""

    reason: str


class Quarantine(msgspec.Struct, frozen=True, tag="quarantine", tag_field="kind"):
    """A telemetry record is not judged, because judging it raised: it leaves as a dead letter.

    Parameters
    ----------
    offset : int
        Of the record, which lies at or behind the entry's position.
    detail : str
        What was raised.
    """

    offset: Offset
    detail: str


class Disregard(msgspec.Struct, frozen=True, tag="disregard", tag_field="kind"):
    """An earlier entry, which cannot take effect, has none: told once, passed over ever after.

    It counts wherever it lies behind that entry, whatever its own position.

    Parameters
    ----------
    entry : int
        Journal offset of the other entry.
    detail : str
        What was raised when it was to take effect.
    """

    entry: Offset
    detail: str


class Warm(msgspec.Struct, frozen=True, tag="warm", tag_field="kind"):
    """A newborn lane takes over what a replay of history learned, by its hash."""

    learned: str


class Swap(msgspec.Struct, frozen=True, tag="swap", tag_field="kind"):
    """From here on the configuration bundle with this hash governs the lane.

    Parameters
    ----------
    config : str
    relearning : dict of str to int
        What came of it, for people: channels by rule whose learned state began anew, because
        their rule gives it another meaning now. A replay works it out by itself.
    """

    config: str
    relearning: dict[str, int] = {}


class Refuse(msgspec.Struct, frozen=True, tag="refuse", tag_field="kind"):
    """A command that cannot be carried out: it leaves as a dead letter.

    Parameters
    ----------
    reason : str
        Machine word.
    detail : str
        What was expected, what came, what to do; kept to `DETAIL_BYTES`.
    body : str
        The command from its beginning; kept to 6 × `BODY_KEPT` bytes, as it is when escaped.
    """

    reason: str
    detail: str
    body: str

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "detail", bounded(self.detail, DETAIL_BYTES))
        msgspec.structs.force_setattr(self, "body", bounded(self.body, 6 * BODY_KEPT))


ShadowCommand = Shadow | Promote | Rollback
Command = Shelve | Unshelve | Accept | ShadowCommand
Change = Tick | Outage | StampLimit | Command | Swap | Warm | Refuse | Shed | Quarantine | Disregard


class Entry(msgspec.Struct, frozen=True):
    """One journal record: takes effect before the telemetry record at offset `at`.

    Parameters
    ----------
    at : int
        Telemetry position: every record with a smaller offset comes before the change.
    change : Change
        What changes.
    command : int or None
        Offset behind the command in the command topic, when a command caused the change.
    """

    at: Offset
    change: Change
    command: Offset | None = None


_ENTRY = msgspec.json.Decoder(Entry)
_COMMAND = msgspec.json.Decoder(Command)


def encode_entry(entry: Entry) -> bytes:
    """Journal entry as JSON.

    >>> encode_entry(Entry(7, Tick(1000)))
    b'{"at":7,"change":{"kind":"tick","lane_time_s":1000},"command":null}'
    """
    return msgspec.json.encode(entry)


def decode_entry(body: bytes) -> Entry:
    """Journal entry from JSON; `msgspec.DecodeError` when it is none, whatever the bytes are."""
    entry: Entry = _decoded(_ENTRY, body)
    return entry


def decode_command(body: bytes) -> Command:
    """Operator's command from JSON, within the bounds of its fields.

    Raises
    ------
    msgspec.DecodeError
        For anything else, whatever the bytes are; says in at most `DETAIL_BYTES` what is wrong.

    Examples
    --------
    >>> decode_command(b'{"kind": "unshelve", "channel": "a", "by": "li.wei", "reason": "done"}')
    Unshelve(channel='a', by='li.wei', reason='done')
    """
    command: Command = decode_bounded(_COMMAND, body)
    if isinstance(command, Shadow | Promote | Rollback) and not _BUNDLE.fullmatch(command.config):
        got = bounded(command.config, 64)
        msg = f"expected `config` to be a bundle's hash of 16 hex digits, got {got!r}"
        raise msgspec.ValidationError(msg)
    return command


def decode_bounded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """What a decoder of commands makes of bytes, within the bounds that all commands keep.

    Parameters
    ----------
    decoder : msgspec.json.Decoder
        Of structs with the fields of `CommandBase` and a `by`.
    body : bytes

    Raises
    ------
    msgspec.DecodeError
        For anything else, whatever the bytes are; says in at most `DETAIL_BYTES` what is wrong.
    """
    if len(body) > COMMAND_BYTES:
        msg = f"expected a command of at most {COMMAND_BYTES} bytes, got {len(body)}; say less"
        raise msgspec.DecodeError(msg)
    command = _decoded(decoder, body)
    for name, most in _FIELD_BYTES.items():
        size = len(getattr(command, name, "").encode())
        if size > most:
            msg = f"expected `{name}` of at most {most} bytes, got {size}; shorten it"
            raise msgspec.ValidationError(msg)
    # Joiners, marks of direction and the like are not blanks, but nobody can read them either.
    if not any(sign.isprintable() and not sign.isspace() for sign in command.by):
        msg = "expected `by` to name who commands, got nothing; say who it is"
        raise msgspec.ValidationError(msg)
    if bool(command.id) != bool(command.expires) or bool(command.at) != bool(command.expires):
        msg = "expected `id`, `at` and `expires` together or none of them; send all three"
        raise msgspec.ValidationError(msg)
    return command


def signed_bytes(command: CommandBase, topic: str) -> bytes:
    """What is signed: a context, the topic it is sent to, and the command without its signature.

    The command is JSON in the canonical form of RFC 8785: UTF-8, no blanks, keys sorted, texts with
    the fewest escapes, whole numbers. Fields that are empty or left out are not there. As the
    topic is covered, a command for one lifeline or installation is worth nothing in another.

    Parameters
    ----------
    command : CommandBase
    topic : str
        Name of the command topic.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme. RFC 8032, Ed25519.

    Examples
    --------
    >>> told = Unshelve("a", "li.wei", "done", id="7f3a", at=5, expires=9, signature="c2ln")
    >>> print(signed_bytes(told, "tocsin.commands.water").decode())
    tocsin command 1
    tocsin.commands.water
    {"at":5,"by":"li.wei","channel":"a","expires":9,"id":"7f3a","kind":"unshelve","reason":"done"}
    """
    fields = msgspec.to_builtins(msgspec.structs.replace(command, signature=""))
    return SIGNING_CONTEXT + topic.encode() + b"\n" + msgspec.json.encode(fields, order="sorted")


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """What a decoder makes of bytes; all that it may raise becomes one error of bounded text.

    Text that is no UTF-8 and brackets in brackets end otherwise than in a `msgspec.DecodeError`.
    """
    try:
        return decoder.decode(body)
    except ValueError as error:  # msgspec.DecodeError is one, and so is a UnicodeDecodeError
        raise msgspec.DecodeError(bounded(str(error), DETAIL_BYTES)) from None
    except RecursionError:
        msg = "expected few brackets within brackets, got more than can be read"
        raise msgspec.DecodeError(msg) from None

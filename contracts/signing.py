"""Which bytes of a command its signature covers."""

from typing import Final

import msgspec

from contracts.journal import Command

# Keeps a signature from being taken for one of something else that the key may have signed.
CONTEXT: Final = b"tocsin command 1\n"


def signed_bytes(command: Command, topic: str) -> bytes:
    """What is signed: a context, the topic it is sent to, and the command without its signature.

    The command is JSON in the canonical form of RFC 8785: UTF-8, no blanks, keys sorted, texts with
    the fewest escapes, whole numbers. Fields that are empty or left out are not there. As the
    topic is covered, a command for one lifeline or installation is worth nothing in another.

    Parameters
    ----------
    command : Command
    topic : str
        Name of the command topic.

    References
    ----------
    RFC 8785, JSON Canonicalization Scheme. RFC 8032, Ed25519.

    Examples
    --------
    >>> from contracts.journal import Unshelve
    >>> told = Unshelve("a", "li.wei", "done", id="7f3a", at=5, expires=9, signature="c2ln")
    >>> print(signed_bytes(told, "tocsin.commands.water").decode())
    tocsin command 1
    tocsin.commands.water
    {"at":5,"by":"li.wei","channel":"a","expires":9,"id":"7f3a","kind":"unshelve","reason":"done"}
    """
    fields = msgspec.to_builtins(msgspec.structs.replace(command, signature=""))
    return CONTEXT + topic.encode() + b"\n" + msgspec.json.encode(fields, order="sorted")

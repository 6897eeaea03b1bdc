"""The rolling hash over outputs is what its definition says, part by part."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from contracts.ports.lane_log import NOTHING_TOLD, Message
from pipeline.lane.outbox import Outbox, TransactionBound

MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["alarm", "dead_letter"]), st.binary(), st.binary())
)


def rolled(messages: list[Message]) -> str:
    """The hash as it is defined."""
    digest = NOTHING_TOLD
    for message in messages:
        rolling = hashlib.blake2b(bytes.fromhex(digest), digest_size=16)
        for part in (message.kind.encode(), message.key, message.body):
            rolling.update(len(part).to_bytes(8, "little"))
            rolling.update(part)
        digest = rolling.hexdigest()
    return digest


@given(MESSAGES, st.integers(1, 4))
def test_what_is_told_is_counted_and_hashed_message_by_message(
    messages: list[Message], outputs: int
) -> None:
    outbox = Outbox()
    outbox.emit(messages)
    assert (outbox.sequence, outbox.digest) == (len(messages), rolled(messages))
    told: list[Message] = []
    while found := outbox.take(TransactionBound(outputs)):
        told += found
        assert outbox.told == (len(told), rolled(told))
    assert told == messages

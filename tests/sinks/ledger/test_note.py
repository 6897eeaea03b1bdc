"""Signed notes against the example of the reference implementation, and against forgers."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from contracts.errors import ConfigError, Damaged
from sinks.ledger.note import Checkpoint, Signer, read_checkpoint, read_signer, read_verifier
from tests.testkit.ledger.store import ORIGIN, SIGNER

# From the documentation of golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
).encode()
HEAD = Checkpoint(ORIGIN, 7, bytes(range(32)))


def test_a_note_of_the_reference_implementation_is_read_and_written_alike() -> None:
    verifier = read_verifier(PETER)
    text = verifier.opened(NOTE, "note")
    assert text.endswith("what your problem is.\n")
    assert str(verifier) == PETER


def test_a_checkpoint_comes_back_as_it_was_signed() -> None:
    note = SIGNER.signed(HEAD.text)
    assert read_checkpoint(note, SIGNER.verifier, "checkpoint") == HEAD
    assert read_verifier(str(SIGNER.verifier)) == SIGNER.verifier
    beside = note + b"\xe2\x80\x94 witness.example AAAAAAAA\n"
    assert read_checkpoint(beside, SIGNER.verifier, "checkpoint") == HEAD


def test_no_bit_of_a_note_can_be_changed_unseen() -> None:
    note = SIGNER.signed(HEAD.text)
    for place in range(len(note)):
        for bit in range(8):
            forged = bytearray(note)
            forged[place] ^= 1 << bit
            with pytest.raises(Damaged, match=r"^checkpoint: expected"):
                read_checkpoint(bytes(forged), SIGNER.verifier, "checkpoint")


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n",
        f"another\n7\n{'A' * 43}=\n",
        f"{ORIGIN}\n-7\n{'A' * 43}=\n",
        f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nmore\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Damaged, match=r"checkpoint: expected a checkpoint of .* got"):
        read_checkpoint(SIGNER.signed(text), SIGNER.verifier, "checkpoint")


def test_another_key_of_the_same_name_does_not_sign_for_it() -> None:
    forger = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with pytest.raises(Damaged, match=r"expected a signature of .* got none"):
        read_checkpoint(forger.signed(HEAD.text), SIGNER.verifier, "checkpoint")
    other_purpose = SIGNER.named(f"{ORIGIN}/positions")
    with pytest.raises(Damaged, match="got none"):
        read_checkpoint(other_purpose.signed(HEAD.text), SIGNER.verifier, "checkpoint")


def test_keys_are_read_and_others_refused_without_being_quoted() -> None:
    pem = SIGNER.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert read_signer(ORIGIN, pem).verifier == SIGNER.verifier
    with pytest.raises(ConfigError, match="expected an Ed25519 private key") as error:
        read_signer(ORIGIN, "hunter2")
    assert "hunter2" not in str(error.value)
    for text in ("", "name", PETER.replace("c7", "c8"), PETER + "A", PETER.replace("Peter", "P")):
        with pytest.raises(ConfigError, match="expected a verifier"):
            read_verifier(text)

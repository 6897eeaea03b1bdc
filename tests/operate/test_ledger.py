"""`tocsin ledger` as an auditor and an operator meet it."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from alarms.duty.desk_kpi import DeskTold
from alarms.duty.kpi import Period
from alarms.rationalisation import Text
from app.cli.main import main
from configuration.configuration import Configuration
from contracts.civil_time import CITY
from contracts.ports.projection import TopicRecord
from operate.desk.handover import Shift, sheet
from operate.desk.sheet import Sheet, as_html, as_markdown
from operate.ledger import newest_checkpoint, opened_ledger
from sinks.ledger.prove import ConsistencyProof, InclusionProof, is_extended, is_included
from tests.testkit.config_folder import SETTINGS, findings_of, folder_with
from tests.testkit.ledger.store import ORIGIN, SIGNER, behind, records

SHELVE = b'{"at":1,"change":{"kind":"shelve","id":"7f3a","channel":"water.a.p"},"command":4}'
TOLD = [
    *records(280),
    TopicRecord("tocsin.journal.water", 0, 3, 9_000, None, SHELVE, ""),
    *records(400)[280:],
]


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """A configuration with a ledger that has taken all but the last hundred records."""
    key = tmp_path / "ledger.pem"
    key.write_bytes(SIGNER.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    section = f"ledger: {{origin: {ORIGIN}, store: '{tmp_path}/ledger', key: '${{file:{key}}}'}}\n"
    folder = folder_with(tmp_path / "configs", {"tocsin.yaml": SETTINGS + section})
    take(folder, 0, 301)
    return folder


def take(folder: Path, begin: int, end: int) -> None:
    settings = Configuration.load(folder, {}).settings
    opened_ledger(settings).apply(TOLD[begin:end], behind(TOLD[begin:end]))


def said(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str]:
    code = main(["ledger", *words, "--configs", str(folder)])
    out, err = capsys.readouterr()
    return code, out + err


def test_a_sound_ledger_is_called_so_and_a_changed_one_with_its_place(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = said(capsys, configs, "verify")
    assert code == 0
    assert text.startswith("301 entries under ")
    assert text.endswith(f": as signed by {ORIGIN}\n")
    bundle = configs.parent / "ledger" / "tile" / "entries" / "000"
    bundle.write_bytes(bundle.read_bytes().replace(b'"revision":1,', b'"revision":3,', 1))
    code, text = said(capsys, configs, "verify")
    assert code == 1
    assert text.startswith(f"tile/entries/000: entry 1 ({TOLD[1].topic}:{TOLD[1].partition}:")


def test_records_are_proved_by_id_by_place_and_by_command(
    configs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target, index in (
        (f"a-{17:016x}", 17),
        (f"{TOLD[40].topic}:{TOLD[40].partition}:{TOLD[40].offset}", 40),
        ("7f3a", 280),
    ):
        code, text = said(capsys, configs, "prove", target)
        assert code == 0
        proof = msgspec.json.decode(text, type=InclusionProof)
        assert (proof.index, is_included(proof, SIGNER.verifier)) == (index, True)
    code, text = said(capsys, configs, "prove", "i-0000000000000000")
    assert code == 2
    assert "expected the id of an alarm, incident or command" in text


def test_a_checkpoint_in_other_hands_is_gone_on_from_or_not(
    configs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, note = said(capsys, configs, "checkpoint")
    assert (code, note) == (0, newest_checkpoint(Configuration.load(configs, {}).settings))
    held = tmp_path / "handover.txt"
    held.write_text(note, encoding="utf-8")
    take(configs, 301, 400)
    code, text = said(capsys, configs, "checkpoint", "--against", str(held))
    assert code == 0
    assert text.startswith(f"{held}: its 301 entries are the first of 400 under ")
    code, text = said(capsys, configs, "checkpoint", "--json", "--against", str(held))
    proof = msgspec.json.decode(text, type=ConsistencyProof)
    assert (code, is_extended(proof, SIGNER.verifier)) == (0, True)
    held.write_text(note.replace("301", "300"), encoding="utf-8")
    code, text = said(capsys, configs, "checkpoint", "--against", str(held))
    assert code == 1
    assert "expected a signature of" in text


@pytest.mark.parametrize("as_page", [as_markdown, as_html])
def test_a_sheet_in_other_hands_is_a_checkpoint_in_other_hands(
    as_page: Callable[[Sequence[Sheet]], str],
    configs: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """What a shift printed shows, as it is, that somebody with the key wrote history anew."""
    note = newest_checkpoint(Configuration.load(configs, {}).settings) or ""
    shift = Shift(
        "power", Text(en="Power", zh="电"), Period(0, 600), DeskTold([], [], []), (), CITY
    )
    held = tmp_path / "handover"
    sheets = [sheet(shift, language, note) for language in ("en", "zh")]
    held.write_text(as_page(sheets), encoding="utf-8")
    take(configs, 301, 400)
    code, text = said(capsys, configs, "checkpoint", "--against", str(held))
    assert code == 0
    assert text.startswith(f"{held}: its 301 entries are the first of 400 under ")

    shutil.rmtree(tmp_path / "ledger")
    take(configs, 1, 400)
    assert said(capsys, configs, "verify")[0] == 0, "the new one is sound by itself"
    code, text = said(capsys, configs, "checkpoint", "--against", str(held))
    assert code == 1
    assert f"{held}: expected the first 301 entries to have the root" in text


def test_an_auditor_needs_the_store_and_the_public_key_alone(
    configs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, text = said(capsys, configs, "checkpoint", "--json")
    verifier, store = json.loads(text)["verifier"], str(tmp_path / "ledger")
    bare = folder_with(tmp_path / "bare", {})
    assert said(capsys, bare, "verify", "--store", store, "--verifier", verifier)[0] == 0
    other = verifier.replace("tocsin.test", "tocsin.tess")
    code, text = said(capsys, bare, "verify", "--store", store, "--verifier", other)
    assert (code, "expected a verifier" in text) == (2, True)
    code, text = said(capsys, bare, "verify", "--store", "s3://key:hunter2@bucket/ledger")
    assert (code, "expected an address without credentials" in text) == (2, True)
    assert "hunter2" not in text
    code, text = said(capsys, bare, "verify")
    assert (code, "expected a section `ledger`" in text) == (2, True)
    assert newest_checkpoint(Configuration.load(bare, {}).settings) is None


def test_the_section_is_judged_with_the_others(tmp_path: Path) -> None:
    good = "origin: a/b, store: ./ledger, key: '${file:/run/ledger.pem}'"
    for i, (wrong, expected) in enumerate(
        (
            (good, []),
            (good.replace("a/b", "a b"), ["ledger.origin"]),
            (good.replace("./ledger", "'s3://key:hunter2@bucket'"), ["ledger.store"]),
            (good.replace("'${file:/run/ledger.pem}'", "hunter2"), ["ledger.key"]),
        )
    ):
        settings = SETTINGS + f"ledger: {{{wrong}}}\n"
        found = findings_of(tmp_path / str(i), {"tocsin.yaml": settings})
        assert [line.split(": ")[1] for line in found] == expected, found
        assert "hunter2" not in "".join(found)

"""`tocsin new class`: what it writes is refused until people have filled it in, and good then."""

import re
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.pack import RULES
from configuration.yaml.placeholders import placeholder
from lab.new_class.skeleton import NewClass, class_text

pytestmark = pytest.mark.slow

SETTINGS = 'kafka: {bootstrap: "127.0.0.1:9092"}\nlifelines: {water: {partitions: 2}}\n'
WORDS = ["water.sump", "--unit", "m", "--period", "60 s", "--range", "0", "4"]
LEFT = re.compile(r"<fill in [^>]+>")
# What an engineer writes, by the words that say what is wanted; the first that fits counts.
FILLED = {
    "leave out low": "0.2",
    "leave out high": "3.5",
    "last before it rings": "5 min",
    "before it clears": "30 min",
    "how far back inside": "0.05",
    "desk that": "district",
    "time to acknowledge": "15 min",
    "a usual value": "1.2",
    "a value beyond the limit": "3.8",
    "first value beyond it and": "35 min",
    "colour of the limit": "red",
    "": "what the pump crew says",
}


def filled(text: str) -> str:
    """The text as somebody left it who wrote what each placeholder asks for."""

    def written(found: re.Match[str]) -> str:
        return next(word for asked, word in FILLED.items() if asked in found[0])

    return LEFT.sub(written, text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    (made / "water").mkdir(parents=True)
    (made / "tocsin.yaml").write_text(SETTINGS)
    return made


def check(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["check", str(folder), "--class", "water.sump"])
    said = capsys.readouterr()
    return code, said.out, said.err


def begin(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """Begin the class, and give the catalogue the rows that the command prints."""
    capsys.readouterr()
    assert main(["new", "class", str(folder), *WORDS, *more]) == 0
    said = capsys.readouterr().out
    head = said.index("id,class,asset,group")
    (folder / "water" / "catalogue.csv").write_text(said[head:])
    return said


def test_a_new_class_is_refused_until_each_placeholder_is_written_and_good_then(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(folder, capsys)
    pack = folder / "water" / "sump.yaml"
    code, _, found = check(folder, capsys)
    left = LEFT.findall(pack.read_text())
    assert code == 2
    assert found.count("got a placeholder; write it in its place\n") == len(left) > 20
    assert len(found.splitlines()) == len(left)
    wanted = "expected where these figures come from; standard or manual or who decided"
    assert f"{pack}:28:13: limit.duty.source: {wanted}, got a placeholder" in found

    pack.write_text(filled(pack.read_text()))
    code, _, found = check(folder, capsys)  # the tests beside it are left
    assert (code, found.count("got a placeholder")) == (1, 4)
    tests = folder / "water" / "sump.test.yaml"
    tests.write_text(filled(tests.read_text()))
    code, said, found = check(folder, capsys)
    assert (code, found) == (0, "")
    assert "water.sump: 1 channel in m every 60 s, rules limit, silent, invalid" in said
    assert "2 rule tests passed" in said


def test_the_tests_beside_it_can_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(folder, capsys)
    for path in (folder / "water").glob("sump*.yaml"):
        path.write_text(filled(path.read_text()).replace("high: {red: 3.5}", "high: {red: 3.9}"))
    code, _, found = check(folder, capsys)
    assert code == 1
    assert "expected limit red at 35 min on water.first.sump, it did not come" in found


def test_every_kind_of_rule_has_a_skeleton_whose_placeholders_are_all_that_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(folder, capsys, "--rules", *RULES)
    code, _, found = check(folder, capsys)
    assert code == 2
    strange = [line for line in found.splitlines() if "got a placeholder" not in line]
    assert strange == []


def test_a_unit_may_have_any_sign() -> None:
    new = NewClass("water.sump", '"°C: #"', "60 s", (0.0, 4.0), ["silent"], "water.first.sump")
    assert 'unit: "\\"°C: #\\""' in class_text(new)
    assert placeholder("what happens if nobody acts") in class_text(new)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["water..", *WORDS[1:]], "new class: expected a name such as 'water.sump_level'"),
        (["../x.y", *WORDS[1:]], "new class: expected a name such as 'water.sump_level'"),
        ([*WORDS[:6], "4", "0"], "--range: expected the smallest value, then the largest, got 4 0"),
        ([*WORDS[:4], "often", *WORDS[5:]], "--period: expected a time such as"),
        ([*WORDS, "--rules", "limmit"], "got 'limmit'; nearest is 'limit'"),
    ],
)
def test_words_that_make_no_class_are_refused_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["new", "class", str(folder), *words]) == 2
    assert said in capsys.readouterr().err
    assert not list((folder / "water").iterdir())


def test_a_file_that_is_there_is_never_written_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(folder, capsys)
    (folder / "water" / "sump.yaml").unlink()
    before = (folder / "water" / "sump.test.yaml").read_text()
    assert main(["new", "class", str(folder), *WORDS]) == 2
    assert "sump.test.yaml: expected no file yet, got one" in capsys.readouterr().err
    assert not (folder / "water" / "sump.yaml").exists()
    assert (folder / "water" / "sump.test.yaml").read_text() == before


def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "class", str(tmp_path / "nothing"), *WORDS]) == 2
    assert "expected a configuration folder, got none" in capsys.readouterr().err

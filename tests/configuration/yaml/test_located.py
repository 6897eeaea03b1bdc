"""YAML as data with places, and what is refused of YAML."""

import math
from typing import Any

import pytest
import yaml

from configuration.yaml.findings import Findings
from configuration.yaml.located import BYTES_MAX, DEPTH_MAX, NODES_MAX, Located, located, scalar
from runtime.installation import CONFIGS

pytestmark = pytest.mark.slow


def read(text: str | bytes) -> Located:
    findings = Findings()
    source = text.encode() if isinstance(text, str) else text
    tree = located("f.yaml", source, findings)
    assert tree is not None, findings.lines()
    return tree


def refusal(text: str | bytes) -> list[str]:
    findings = Findings()
    source = text.encode() if isinstance(text, str) else text
    assert located("f.yaml", source, findings) is None
    return findings.lines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("FALSE", False),
        ("1:30", "1:30"),
        ("2026-03-01", "2026-03-01"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
        ("~", None),
        ("", None),
        ("NULL", None),
        ("9" * 30, "9" * 30),
        ("<<", "<<"),
    ],
)
def test_a_plain_scalar_means_what_the_core_schema_of_yaml_1_2_says(text: str, value: Any) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_a_number_of_the_core_schema() -> None:
    found = scalar(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_quoted_scalars_stay_text() -> None:
    assert read("a: '1'\nb: \"true\"\nc: |\n  2\n").data == {"a": "1", "b": "true", "c": "2\n"}


def test_core_tags_are_obeyed() -> None:
    assert read("a: !!str 1\nb: !!int '2'\nc: !!map {d: !!seq [!!float 1.5]}").data == {
        "a": "1",
        "b": 2,
        "c": {"d": [1.5]},
    }


def test_every_key_and_value_knows_its_line_and_column() -> None:
    tree = read("a:\n  b: [1, {c: 水}]\n")
    assert tree.position(()) == (1, 1)
    assert tree.position(("a",), key=True) == (1, 1)
    assert tree.position(("a", "b")) == (2, 6)
    assert tree.position(("a", "b", 1, "c"), key=True) == (2, 11)
    assert tree.position(("a", "b", 1, "c")) == (2, 14)


def test_a_missing_path_stands_where_its_nearest_parent_stands() -> None:
    tree = read("a:\n  b: 1\n")
    assert tree.position(("a", "x", "y")) == (2, 3)
    assert tree.position(("a", "x"), key=True) == (1, 1)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_document_is_nothing(text: str) -> None:
    assert read(text).data is None


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read("a: 1".encode("utf-8-sig")).position(("a",)) == (1, 4)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "a: 1\nb:\n  c: 1\n  c: 2\n",
            "f.yaml:4:3: b: expected each key once, got 'c' again after line 3, column 3; keep one",
        ),
        (
            "a: b: c",
            "f.yaml:1:5: expected YAML, got an error: mapping values are not allowed here; "
            "mind indents, quotes and brackets",
        ),
        (
            "? [a]\n: b",
            "f.yaml:1:3: expected a word as key, got something else; write a word",
        ),
        (
            "{*x : 1}",
            "f.yaml:1:2: expected a word as key, got something else; write a word",
        ),
        (
            "a: !<tag:yaml.org,2002:python/name:os.system> x",
            "f.yaml:1:4: a: expected no tag, got 'tag:yaml.org,2002:python/name:os.system'; "
            "leave it out",
        ),
        (
            "a: !!set {b}",
            "f.yaml:1:4: a: expected no tag, got 'tag:yaml.org,2002:set'; leave it out",
        ),
        (
            "a: !!int x",
            "f.yaml:1:4: a: expected what the tag 'tag:yaml.org,2002:int' says, got 'x'; "
            "leave the tag out",
        ),
        (
            b"a: 1\nb: \xb0\xa1",
            "f.yaml:2: expected UTF-8, got the byte 0xb0; save the file as UTF-8",
        ),
        (
            "a: \x07",
            "f.yaml: expected YAML, got an error: special characters are not allowed; "
            "mind indents, quotes and brackets",
        ),
        (
            "a: 1\n---\nb: 2",
            "f.yaml:2:1: expected one document, got a second; move it to a file of its own",
        ),
    ],
)
def test_what_is_no_plain_document_is_refused_with_its_place(
    text: str | bytes, finding: str
) -> None:
    assert refusal(text) == [finding]


def test_anchors_and_aliases_are_all_named() -> None:
    assert refusal("a: &x [1]\nb: *x\nc: &y {}") == [
        "f.yaml:1:4: a: expected a value, got the anchor '&x'; write values out",
        "f.yaml:2:4: b: expected a value, got the alias '*x'; write the value out",
        "f.yaml:3:4: c: expected a value, got the anchor '&y'; write values out",
    ]


def test_ten_thousand_open_brackets_are_refused_at_the_depth_limit() -> None:
    assert read("[" * DEPTH_MAX + "]" * DEPTH_MAX).data
    text = (
        f"f.yaml:1:{DEPTH_MAX + 2}: expected a depth of at most {DEPTH_MAX}, got more; flatten it"
    )
    assert refusal("[" * 10_000) == [text]


def test_more_values_than_allowed_are_refused() -> None:
    found = refusal("[" + "0," * NODES_MAX + "]")
    assert len(found) == 1
    assert f"expected at most {NODES_MAX} values, got more; split the file" in found[0]


def test_a_larger_file_than_allowed_is_refused_unread() -> None:
    text = f"f.yaml: expected at most {BYTES_MAX} bytes, got {BYTES_MAX + 1}; split the file"
    assert refusal(b"#" * (BYTES_MAX + 1)) == [text]


def read_with(monkeypatch: pytest.MonkeyPatch, source: bytes, *, libyaml: bool) -> Any:
    """Data, places and findings of a text, by one parser or the other."""
    with monkeypatch.context() as patch:
        patch.setattr("yaml.__with_libyaml__", libyaml)
        findings = Findings()
        found = located("a.yaml", source, findings)
        return found, [str(finding) for finding in findings.found]


def test_both_parsers_read_a_pack_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml.__with_libyaml__, "the locked wheels bring it along"
    for path in sorted((CONFIGS / "water").rglob("*.yaml")):
        found, findings = read_with(monkeypatch, path.read_bytes(), libyaml=True)
        assert (found, findings) == read_with(monkeypatch, path.read_bytes(), libyaml=False), path
        assert found is not None, path


@pytest.mark.parametrize(
    "text", ["a: [1, 2", "a: 'b", "\tb: 1", "a: b: c", "{" * 2_000, "a: &b 1\nc: *d"]
)
def test_faults_read_alike_by_both_parsers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found, findings = read_with(monkeypatch, text.encode(), libyaml=True)
    assert (found, findings) == read_with(monkeypatch, text.encode(), libyaml=False)
    assert findings

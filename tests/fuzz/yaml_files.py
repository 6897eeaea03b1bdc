"""Class files: read whole, or every mistake named; nothing but findings comes of them."""

from collections.abc import Mapping

from configuration.pack import Pack
from configuration.yaml.fill import Page, partial
from configuration.yaml.findings import Findings
from configuration.yaml.located import located
from configuration.yaml.overrides import plain, selectors
from configuration.yaml.units import in_unit

DUTY = """\
  duty:
    cause: made
    consequence: none
    respond: {procedure: T-1, first: [look]}
    owner: {level: street, role: tester, within: 5 min, then: district}
    say: {en: "{name}: {observed} {unit}", zh: "{name}：{observed} {unit}"}
    source: "[E] made"
"""
HEAD = """\
class: water.level
unit: m
period: 1 s
plausible: {range: [0, 10], fastest: 500 per s, future: 5 s, back_fill: 60 s}
"""


def seeds() -> Mapping[str, bytes]:
    """Class files with rules, units, overrides, and every kind of scalar."""
    limit = "limit:\n  high: {blue: 2, yellow: 80 cm}\n  on_delay: 3 periods\n" + DUTY
    other = "overrides:\n  tag:office:\n    silent.after: 3 d\n"
    silent = "silent:\n  after: 12 h\n" + DUTY
    scalars = "a: [1, 0x1f, .5, 1e3, ~, true, \"x\\u00e9\", 'y', |\n  text\n]\n? b\n: !!str 3\n"
    made = {"limit": HEAD + limit, "silent": HEAD + silent + other, "scalars": scalars}
    return {name: text.encode() for name, text in made.items()}


def check(data: bytes) -> None:
    """Read a class file as the loader does."""
    findings = Findings()
    tree = located("f.yaml", data, findings)
    if tree is None:
        assert len(findings)
        return
    page = Page("f.yaml", tree, findings)
    selectors(page)
    inner = Page("f.yaml", plain(tree), findings)
    _, whole = partial(Pack, in_unit(Pack, inner))
    assert whole or len(findings)

"""What may be tuned: figures of class files between declared bounds, written back as text."""

import difflib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from configuration.configuration import Configuration
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import Findings, shown
from configuration.yaml.findings import Path as FieldPath
from configuration.yaml.located import Located, located
from contracts.errors import ConfigError

NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
DIGITS: Final = 3
DIMENSIONS_MAX: Final = 6


class Bound(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"low": "from", "high": "to"},
):
    """One figure that may change.

    Parameters
    ----------
    file : str
        Class file in the configuration folder.
    at : str
        Dotted path to the figure (`unusual.band`), or to a mapping of figures (`limit.low`).
    low, high : float
        In the file `from` and `to`: bounds of the figure in the unit in which it is written. For
        a mapping they are bounds of one factor for all its figures, so that colours stay nested.
    """

    file: Annotated[str, Meta(min_length=1)]
    at: Annotated[str, Meta(min_length=1)]
    low: float
    high: float


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of bounds."""

    parameters: Annotated[list[Bound], Meta(min_length=1, max_length=DIMENSIONS_MAX)]


@dataclass(frozen=True)
class Spot:
    """Where a number stands in a file: from and to which character, and what it is now."""

    begin: int
    end: int
    value: float


@dataclass(frozen=True)
class Parameter:
    """A figure, or some that change together.

    Parameters
    ----------
    bound : Bound
    spots : list of Spot
    factor : bool
        Whether values are factors of what is written.
    """

    bound: Bound
    spots: list[Spot]
    factor: bool

    @property
    def present(self) -> float:
        """Value as the file has it."""
        return 1.0 if self.factor else self.spots[0].value

    def texts(self, value: float) -> Iterator[tuple[Spot, str]]:
        """What to write at each spot."""
        for spot in self.spots:
            yield spot, f"{value * spot.value if self.factor else value:.{DIGITS}g}"


@dataclass(frozen=True)
class Space:
    """Everything that may be tuned in one configuration folder.

    Parameters
    ----------
    folder : Path
    parameters : list of Parameter
    texts : dict of str to str
        The class files as they are.
    """

    folder: Path
    parameters: list[Parameter]
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def present(self) -> list[float]:
        """Values as the files have them."""
        return [parameter.present for parameter in self.parameters]

    def written(self, values: Sequence[float]) -> dict[str, str]:
        """The class files with other values; comments and layout stay."""
        texts = dict(self.texts)
        edits: dict[str, list[tuple[Spot, str]]] = {}
        for parameter, value in zip(self.parameters, values, strict=True):
            edits.setdefault(parameter.bound.file, []).extend(parameter.texts(value))
        for file, of in edits.items():
            text = texts[file]
            for spot, word in sorted(of, key=lambda edit: -edit[0].begin):
                text = text[: spot.begin] + word + text[spot.end :]
            texts[file] = text
        return texts

    def configuration(self, values: Sequence[float]) -> Configuration | None:
        """The configuration with other values; None when it is refused."""
        with TemporaryDirectory(prefix="tocsin-tune-") as scratch:
            folder = Path(scratch) / "configs"
            shutil.copytree(self.folder, folder)
            for file, text in self.written(values).items():
                (folder / file).write_text(text, encoding="utf-8")
            try:
                return Configuration.load(folder)
            except ConfigError:
                return None

    def diff(self, values: Sequence[float]) -> str:
        """What a person reads and `patch` takes."""
        lines: list[str] = []
        for file, new in self.written(values).items():
            old = self.texts[file].splitlines(keepends=True)
            lines += difflib.unified_diff(
                old, new.splitlines(keepends=True), f"a/{file}", f"b/{file}"
            )
        return "".join(lines)


def read_space(folder: Path, path: Path) -> Space:
    """What a file of bounds names in a configuration folder.

    Raises
    ------
    ConfigError
        With every finding: a file or figure that is not there, bounds that are none.
    """
    findings = Findings()
    tree = located(path.as_posix(), path.read_bytes(), findings)
    bounds = fill(Bounds, page := Page(path.as_posix(), tree, findings)) if tree else None
    texts: dict[str, str] = {}
    parameters: list[Parameter] = []
    for i, bound in enumerate(bounds.parameters if bounds else []):
        here: FieldPath = ("parameters", i)
        if not bound.low < bound.high:
            page.refuse((*here, "to"), "a figure above `from`", bound.high)
        if not (folder / bound.file).is_file():
            page.refuse((*here, "file"), f"a class file in {folder}", bound.file)
            continue
        texts[bound.file] = (folder / bound.file).read_text(encoding="utf-8")
        parameter = _parameter(bound, texts[bound.file], findings)
        if parameter is None:
            page.refuse((*here, "at"), "a figure, or a mapping of figures", bound.at)
        else:
            parameters.append(parameter)
    if findings.found:
        raise ConfigError(*findings.lines())
    return Space(folder, parameters, texts)


def _parameter(bound: Bound, text: str, findings: Findings) -> Parameter | None:
    """The figures that a bound names; None when there are none."""
    tree = located(bound.file, text.encode(), findings)
    if tree is None:
        return None
    at: FieldPath = tuple(bound.at.split("."))
    found: Any = tree.data
    for step in at:
        found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):
        spots = [_spot(text, tree, (*at, key)) for key in found]
    else:
        spots = [_spot(text, tree, at)] if found is not None else []
    whole = [spot for spot in spots if spot is not None]
    good = whole and len(whole) == len(spots)
    return Parameter(bound, whole, isinstance(found, Mapping)) if good else None


def _spot(text: str, tree: Located, at: FieldPath) -> Spot | None:
    """Where the number of a value stands, None when it has none."""
    line, column = tree.position(at)
    begin = sum(len(t) for t in text.splitlines(keepends=True)[: line - 1]) + column - 1
    begin += text[begin] in "\"'"
    number = NUMBER.match(text, begin)
    return Spot(begin, number.end(), float(number[0])) if number else None


def told(parameter: Parameter, value: float) -> str:
    """One parameter and what becomes of it, for a person."""
    bound = parameter.bound
    what = f"{bound.file}: {bound.at}"
    (_, word), *_ = parameter.texts(value)
    if parameter.factor:
        return f"{what}: all figures × {value:.{DIGITS}g}"
    return f"{what}: {parameter.present:g} → {shown(float(word))}"

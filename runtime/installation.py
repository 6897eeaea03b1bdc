"""Where Tocsin is installed: its packages, and the packs and recordings carried beside them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final


def folder_of(package: str) -> Path:
    """Folder of a package of Tocsin's.

    Raises
    ------
    ModuleNotFoundError
        When there is no such package; a hash over what is not there would never change.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        msg = f"{package}: expected a package of Tocsin's, found none; name one that is installed"
        raise ModuleNotFoundError(msg)
    return Path(spec.submodule_search_locations[0]).resolve()


def sources(*packages: str) -> dict[str, Path]:
    """Every Python file below some packages by its dotted module name, in order of names.

    Subpackages of any depth are included: what is hashed over these files sees every change.
    """
    found = {}
    for package in packages:
        folder = folder_of(package)
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return dict(sorted(found.items()))


HOME: Final = folder_of("contracts").parent
CONFIGS: Final = HOME / "configs"  # the packs that are shipped
DATA: Final = HOME / "data"  # the recordings that are carried

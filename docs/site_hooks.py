"""What the site does beyond mkdocs: lists the decisions, and names what lies outside docs/."""

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent
CARRIED: Final = {
    "benchmarks.md": ROOT / "benchmarks" / "README.md",
    "changes.md": ROOT / "CHANGELOG.md",
    "threats.md": ROOT / "SECURITY.md",
}
_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Called by mkdocs once: every decision is in the menu, under its own heading."""
    decisions = sorted(file.name for file in (DOCS / "decisions").glob("*.md"))
    config.nav.insert(-1, {"Decisions": [f"decisions/{name}" for name in decisions]})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Called by mkdocs once: pages that live beside what they tell of are carried into the site."""
    for name, source in CARRIED.items():
        files.append(File.generated(config, name, content=source.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for the text of every page: the site holds docs/ alone.

    A link that leads out of it becomes the name of what it leads to.
    """
    place = DOCS / page.file.src_uri
    here = CARRIED.get(page.file.src_uri, place).parent

    def local(link: re.Match[str]) -> str:
        there = (here / link[2]).resolve()
        for name, source in CARRIED.items():
            there = DOCS / name if there == source else there
        if there.is_relative_to(DOCS) and (there.is_file() or there.name in CARRIED):
            address = Path(os.path.relpath(there, place.parent)).as_posix()
            return f"[{link[1]}]({address}{link[3] or ''})"
        outside = there.relative_to(ROOT).as_posix()
        return link[1] if outside in link[1] else f"{link[1]} (`{outside}`)"

    return _LINK.sub(local, markdown)

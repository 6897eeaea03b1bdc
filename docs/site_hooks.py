"""What the site does beyond mkdocs: lists the decisions, and names what lies outside docs/."""

import re
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parent
_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Called by mkdocs once: every decision is in the menu, under its own heading."""
    decisions = sorted(file.name for file in (DOCS / "decisions").glob("*.md"))
    config.nav.append({"Decisions": [f"decisions/{name}" for name in decisions]})
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for the text of every page: the site holds docs/ alone.

    A link that leads out of it becomes the name of what it leads to.
    """
    here = (DOCS / page.file.src_uri).parent

    def local(link: re.Match[str]) -> str:
        there = (here / link[2]).resolve()
        if there.is_relative_to(DOCS) and there.is_file():
            return link[0]
        name = there.relative_to(DOCS.parent).as_posix()
        return link[1] if name in link[1] else f"{link[1]} (`{name}`)"

    return _LINK.sub(local, markdown)

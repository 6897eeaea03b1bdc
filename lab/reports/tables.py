"""Tables of reports, on pages and on terminals."""

from collections.abc import Sequence
from typing import Any, Final


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their cells below one another: the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


NONE: Final = "–"


def cell(name: str, value: Any) -> str:
    """A figure of a tally as people read it.

    >>> cell("delay_p50_s", 5400.0), cell("precision", None), cell("alarms", 1200)
    ('1.5 h', '–', '1,200')
    """
    if value is None:
        return NONE
    if name.startswith("delay"):
        return lasting(value)
    if isinstance(value, float) and abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def lasting(seconds: float) -> str:
    """A length of time in its largest unit.

    >>> lasting(90.0), lasting(172800.0), lasting(-30.0)
    ('1.5 min', '2 d', '-30 s')
    """
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"

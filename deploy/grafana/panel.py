"""What a panel asks and shows, in few words; Grafana's many come in `generate`."""

from typing import Final, NamedTuple

# In every selector: what the variables of a dashboard choose.
HERE: Final = 'job=~"$job", instance=~"$instance"'
OF_LIFELINE: Final = '"lifeline", "$1", "lane", "(.*?)(?:-[0-9]+)?"'


class Query(NamedTuple):
    """One expression and the name of its lines.

    Parameters
    ----------
    expression : str
        PromQL; each selector holds the word HERE where it chooses jobs and instances.
    legend : str
        As Grafana writes it, `{{lane}}`.
    """

    expression: str
    legend: str

    @property
    def promql(self) -> str:
        """The expression for Grafana."""
        return self.expression.replace("HERE", HERE)


class Panel(NamedTuple):
    """One panel.

    Parameters
    ----------
    title : str
    says : str
        What it shows, and what a person makes of it.
    unit : str
        One of Grafana's unit ids.
    queries : tuple of Query
    kind : {'lines', 'stack', 'number'}
        Lines over time, lines that add up, or the newest value in large letters.
    least : float, optional
        Lower end of the axis.
    bad_from : float, optional
        From where on a number is red.
    """

    title: str
    says: str
    unit: str
    queries: tuple[Query, ...]
    kind: str = "lines"
    least: float | None = 0.0
    bad_from: float | None = None


class Row(NamedTuple):
    """Panels below one heading; numbers are small, all others a third of the width."""

    title: str
    panels: tuple[Panel, ...]


class Dashboard(NamedTuple):
    """One question, and the rows that answer it.

    Parameters
    ----------
    uid : str
        Name of its file, and its place in Grafana.
    title, says : str
    rows : tuple of Row
    """

    uid: str
    title: str
    says: str
    rows: tuple[Row, ...]


def number(title: str, says: str, unit: str, expression: str, bad_from: float | None) -> Panel:
    """The newest value of an expression of one series."""
    return Panel(title, says, unit, (Query(expression, title),), "number", bad_from=bad_from)


def lines(title: str, says: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Lines over time: pairs of expression and legend."""
    return Panel(title, says, unit, tuple(Query(*query) for query in queries))


def stack(title: str, says: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Lines that add up to something."""
    return lines(title, says, unit, *queries)._replace(kind="stack")


def by_lifeline(expression: str) -> str:
    """The sum over the lanes of each lifeline."""
    return f"sum by (lifeline) (label_replace({expression}, {OF_LIFELINE}))"


def rate(metric: str, *, by: str, matching: str = "") -> str:
    """What a counter rises in a second, summed by a label."""
    chosen = f"{matching}, HERE" if matching else "HERE"
    return f"sum by ({by}) (rate({metric}{{{chosen}}}[$__rate_interval]))"


def mean(total: str, count: str, *, by: str) -> str:
    """A sum over the count of what was summed, both as counters."""
    return f"{rate(total, by=by)} / ({rate(count, by=by)} > 0)"

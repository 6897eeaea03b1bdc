"""Precision and recall of ranges: how much of each range is met, and in how many pieces."""

from collections.abc import Sequence

Range = tuple[int, int]


def range_recall(real: Sequence[Range], told: Sequence[Range], alpha: float = 0.0) -> float:
    """Mean over real ranges of `alpha` for being met at all and the rest for how much is met.

    Ranges are (first, last) row, both inside; those of one list are apart. Every row of a range
    weighs the same (flat bias), and what is met is divided by the number of pieces that meet it.

    References
    ----------
    N. Tatbul et al., Precision and recall for time series, NeurIPS 2018.
    """
    return sum(_met(one, told, alpha) for one in real) / len(real) if real else 0.0


def range_precision(real: Sequence[Range], told: Sequence[Range]) -> float:
    """Mean over told ranges of how much of each is real; as recall with sides changed.

    >>> range_precision([(10, 19)], [(15, 24), (40, 49)])
    0.25
    """
    return range_recall(told, real)


def _met(one: Range, others: Sequence[Range], alpha: float) -> float:
    shared = [min(one[1], last) - max(one[0], first) + 1 for first, last in others]
    pieces = [rows for rows in shared if rows > 0]
    if not pieces:
        return 0.0
    part = sum(pieces) / (one[1] - one[0] + 1)
    return alpha + (1.0 - alpha) * part / len(pieces)

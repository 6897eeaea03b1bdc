"""Quantiles of Fisher's F, without a package for them: a few a week are asked for."""

import math
from typing import Final

_TINY: Final = 1e-300
_TERMS: Final = 1000
_HALVINGS: Final = 200


def _fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _beside_zero(1.0 - (a + b) * x / (a + 1.0))
    found = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        before = found
        for term in (even, odd):
            d = 1.0 / _beside_zero(1.0 + term * d)
            c = _beside_zero(1.0 + term / c)
            found *= d * c
        if abs(found - before) <= 1e-15 * abs(found):
            break
    return found


def _beside_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY


def beta_share(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function `I_x(a, b)`.

    References
    ----------
    W. H. Press et al., Numerical Recipes, 3rd ed., 2007, section 6.4; M. Abramowitz and
    I. A. Stegun, Handbook of Mathematical Functions, 1964, 26.5.8.

    >>> round(beta_share(2.0, 3.0, 0.5), 12)
    0.6875
    """
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    head = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    head = math.exp(head + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return head * _fraction(a, b, x) / a
    return 1.0 - head * _fraction(b, a, 1.0 - x) / b


def fisher(share: float, k: int, n: int) -> float:
    """Value that F with `k` and `n` degrees of freedom exceeds with probability `1 - share`.

    By halving `I_y(n / 2, k / 2) = 1 - share` with `y = n / (n + k F)`, to the last bit.

    >>> round(fisher(0.95, 3, 20), 4)  # as tables have it
    3.0984
    """
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if beta_share(n / 2, k / 2, middle) < 1.0 - share:
            low = middle
        else:
            high = middle
    return n * (1.0 - high) / (k * high)

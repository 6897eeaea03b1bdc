"""Principal components of a group of channels, and how far off them is too far."""

import math
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FLAT: Final = 1e-3  # |h0| below which the power of Jackson and Mudholkar says nothing


class Model(NamedTuple):
    """What `p` channels do together.

    Parameters
    ----------
    kept : int
        Components that are kept.
    mean, scale : float64, shape (p,)
        A row is judged as `z = (x - mean) * scale`.
    parts : float64, shape (p, p)
        Components in rows, the strongest first, each with its largest entry above 0.
    variance : float64, shape (p,)
        Of the components.
    limits : (float, float)
        Of T2 and of SPE.
    """

    kept: int
    mean: Floats
    scale: Floats
    parts: Floats
    variance: Floats
    limits: tuple[float, float]


@njit(cache=True, nogil=True, error_model="numpy")
def moments(rows: Floats, floors: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, scale and correlation of channels whose sensors add a noise of `floors` each.

    `scale = 1 / sqrt(var + floor^2)` with `var = sum (x - mean)^2 / (n - 1)`; the correlation of
    two channels is their covariance times both scales, and that of one with itself is 1.
    """
    n, p = rows.shape
    mean, scale, both = np.zeros(p), np.zeros(p), np.zeros((p, p))
    for i in range(p):
        for row in range(n):
            mean[i] += rows[row, i]
        mean[i] /= n
    for i in range(p):
        for j in range(i + 1):
            total = 0.0
            for row in range(n):
                total += (rows[row, i] - mean[i]) * (rows[row, j] - mean[j])
            both[i, j] = total / (n - 1)
        scale[i] = 1.0 / np.sqrt(both[i, i] + floors[i] * floors[i])
        for j in range(i):
            both[i, j] = both[i, j] * scale[i] * scale[j]
            both[j, i] = both[i, j]
        both[i, i] = 1.0
    return mean, scale, both


def fit(rows: Floats, floors: Floats, keep: float, quantile: float) -> Model:
    """Principal components of clean rows, shape (n, p), and their limits."""
    n, p = rows.shape
    mean, scale, both = moments(rows, floors)
    variance, columns = np.linalg.eigh(both)
    variance, parts = variance[::-1].copy(), columns.T[::-1].copy()
    for j, largest in enumerate(np.argmax(np.abs(parts), axis=1)):
        parts[j] *= np.sign(parts[j, largest])
    enough = np.flatnonzero(np.cumsum(variance) >= keep * p)
    kept = min(int(enough[0]) + 1 if len(enough) else p, p - 1)
    limits = t2_limit(n, kept, quantile), spe_limit(variance[kept:], quantile)
    return Model(kept, mean, scale, parts, variance, limits)


def t2_limit(n: int, kept: int, quantile: float) -> float:
    """Limit of T2 for a new row: `k (n^2 - 1) / (n (n - k))` times the quantile of F(k, n - k).

    References
    ----------
    N. D. Tracy, J. C. Young and R. L. Mason, Multivariate Control Charts for Individual
    Observations, Journal of Quality Technology 24(2), 1992.
    """
    from scipy.special import fdtri  # noqa: PLC0415 - a quarter of a second, for few who fit

    return kept * (n * n - 1.0) / (n * (n - kept)) * float(fdtri(kept, n - kept, quantile))


def spe_limit(variance: Floats, quantile: float) -> float:
    """Limit of the squared distance to the kept components.

    With `th_i` the sum of the i-th powers of the variances left out, `h0 = 1 - 2 th1 th3 / (3
    th2^2)` and `c` the normal quantile with the sign of `h0`, the limit is `th1 (c sqrt(2 th2
    h0^2) / th1 + 1 + th2 h0 (h0 - 1) / th1^2)^(1 / h0)`. Where that power means nothing it is a
    chi-square of the same mean and variance, by Wilson and Hilferty.

    References
    ----------
    J. E. Jackson and G. S. Mudholkar, Control Procedures for Residuals Associated with Principal
    Component Analysis, Technometrics 21(3), 1979; E. B. Wilson and M. M. Hilferty, The
    Distribution of Chi-Square, PNAS 17, 1931.
    """
    one, two, three = (float(np.sum(variance**power)) for power in (1, 2, 3))
    c = NormalDist().inv_cdf(quantile)
    h0 = 1.0 - 2.0 * one * three / (3.0 * two * two)
    base = math.copysign(c, h0) * math.sqrt(2.0 * two * h0 * h0) / one
    base += 1.0 + two * h0 * (h0 - 1.0) / (one * one)
    if abs(h0) >= FLAT and base > 0.0:
        return float(one * base ** (1.0 / h0))
    freedom = one * one / two
    root = 1.0 - 2.0 / (9.0 * freedom) + c * math.sqrt(2.0 / (9.0 * freedom))
    return float(two / one * freedom * root**3)


@njit(cache=True, nogil=True, error_model="numpy")
def judge(x: Floats, model: Any, out: Floats) -> tuple[float, float, int]:
    """T2 and SPE of a row, each in its limit, and the channel that adds most to the larger one.

    With `t_j` the product of component `j` and `z`, T2 is the sum of `t_j^2 / variance_j` over
    the kept ones, to which channel `i` adds `z_i sum_j t_j parts_ji / variance_j`; SPE is the sum
    of `r_i^2`, `r = z - sum_j t_j parts_j`.

    Parameters
    ----------
    out : float64, shape (2, p)
        Filled with the value that the kept components expect, `mean + (z - r) / scale`, and with
        what each channel adds to the larger one of the two.
    """
    kept, mean, scale, parts, variance, limits = model
    p = len(x)
    z = (x - mean) * scale
    left, weight = z.copy(), np.zeros(p)
    t2, spe = 0.0, 0.0
    for j in range(kept):
        t = 0.0
        for i in range(p):
            t += parts[j, i] * z[i]
        t2 += t * t / variance[j]
        for i in range(p):
            left[i] -= t * parts[j, i]
            weight[i] += t * parts[j, i] / variance[j]
    for i in range(p):
        spe += left[i] * left[i]
    t2, spe = t2 / limits[0], spe / limits[1]
    most = 0
    for i in range(p):
        out[0, i] = mean[i] + (z[i] - left[i]) / scale[i]
        out[1, i] = left[i] * left[i] if spe >= t2 else z[i] * weight[i]
        if out[1, i] > out[1, most]:
            most = i
    return t2, spe, most

"""Power of the lines of some frames, and of their envelopes.

Only the transforms are numpy's: it takes one frame at a time, so that a frame's lines are the same
bit for bit whatever other frames end beside it. For the same reason all sums are made here.
"""

from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

_HANN_SQUARE: Final = 3.0 / 8.0  # mean square of a Hann window

Frames = NDArray[np.float64]


@cache
def hann(n: int) -> Frames:
    """Periodic Hann window, float64, shape (n,)."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n) / n)


@njit(cache=True, nogil=True, error_model="numpy")
def lean(frames: Frames) -> Frames:
    """Frames without their means."""
    out = np.empty_like(frames)
    m, n = frames.shape
    for i in range(m):
        total = 0.0
        for j in range(n):
            total += frames[i, j]
        mean = total / n
        for j in range(n):
            out[i, j] = frames[i, j] - mean
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _squares(lines: NDArray[np.complex128], gain: float) -> Frames:
    """One-sided power of transforms; the first and the last line have no twin to count."""
    m, n = lines.shape
    out = np.empty((m, n))
    for i in range(m):
        for k in range(n):
            one = lines[i, k]
            twins = 2.0 if 0 < k < n - 1 else 1.0
            out[i, k] = twins * gain * (one.real * one.real + one.imag * one.imag)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _sizes(analytic: NDArray[np.complex128]) -> Frames:
    """Magnitudes of analytic signals."""
    m, n = analytic.shape
    out = np.empty((m, n))
    for i in range(m):
        for j in range(n):
            one = analytic[i, j]
            out[i, j] = np.sqrt(one.real * one.real + one.imag * one.imag)
    return out


def powers(frames: Frames) -> Frames:
    """Power of each line, so that lines add up to the mean square.

    `P_k = 2 |X_k|^2 / (n S)`, half of it for the first and the last line, where `X` is the
    transform of the frame under a Hann window and `S = 3 n / 8` the sum of the window's squares.

    Parameters
    ----------
    frames : float64, shape (m, n)
        Without their means.

    Returns
    -------
    float64, shape (m, n / 2 + 1)

    References
    ----------
    G. Heinzel, A. Ruediger and R. Schilling, Spectrum and spectral density estimation by the
    discrete Fourier transform, Max-Planck-Institut fuer Gravitationsphysik, 2002.
    """
    n = frames.shape[1]
    out: Frames = _squares(np.fft.rfft(frames * hann(n)), 1.0 / (n * n * _HANN_SQUARE))
    return out


def envelopes(frames: Frames) -> Frames:
    """Magnitude of the analytic signal, by Hilbert's transform.

    Lines of negative frequency are dropped, those of positive frequency doubled.

    References
    ----------
    R. B. Randall and J. Antoni, Rolling element bearing diagnostics - a tutorial, Mechanical
    Systems and Signal Processing 25(2), 2011.
    """
    n = frames.shape[1]
    lines = np.fft.fft(frames)
    lines[:, 1 : n // 2] *= 2.0
    lines[:, n // 2 + 1 :] = 0.0
    out: Frames = _sizes(np.fft.ifft(lines))
    return out

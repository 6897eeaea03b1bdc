"""Numbers in [0, 1) that follow from a seed alone: chance for models, and none for replays."""

from typing import Final

_N: Final = 624
_M: Final = 397
_BITS: Final = 0xFFFFFFFF


class Twister:
    """The Mersenne Twister MT19937, seeded as Python's own `random.Random` is by a number.

    Parameters
    ----------
    seed : int
        0 to 2^32 - 1.

    References
    ----------
    M. Matsumoto and T. Nishimura, Mersenne Twister: A 623-Dimensionally Equidistributed Uniform
    Pseudo-Random Number Generator, ACM TOMACS 8(1), 1998, and their `init_by_array` and
    `genrand_res53` of 2002.
    """

    def __init__(self, seed: int) -> None:
        state = [19_650_218]
        for i in range(1, _N):
            state.append((1_812_433_253 * (state[-1] ^ (state[-1] >> 30)) + i) & _BITS)
        i = 1
        for step in range(2 * _N - 1):
            mixed = state[i - 1] ^ (state[i - 1] >> 30)
            if step < _N:
                state[i] = ((state[i] ^ (mixed * 1_664_525)) + seed) & _BITS
            else:
                state[i] = ((state[i] ^ (mixed * 1_566_083_941)) - i) & _BITS
            i += 1
            if i == _N:
                state[0], i = state[-1], 1
        state[0] = 0x80000000
        self._state, self._at = state, _N

    def _twist(self) -> None:
        state = self._state
        for i in range(_N):
            y = (state[i] & 0x80000000) | (state[(i + 1) % _N] & 0x7FFFFFFF)
            state[i] = state[(i + _M) % _N] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
        self._at = 0

    def _word(self) -> int:
        if self._at == _N:
            self._twist()
        y = self._state[self._at]
        self._at += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def random(self) -> float:
        """The next number.

        >>> Twister(42).random()
        0.6394267984578837
        """
        high, low = self._word() >> 5, self._word() >> 6
        return (high * 67_108_864 + low) / 9_007_199_254_740_992

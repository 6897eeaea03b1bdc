"""Records cut into pieces by bytes: against cutting them one by one."""

from hypothesis import given
from hypothesis import strategies as st

from contracts.records import Records

PAYLOADS = st.lists(st.none() | st.binary(max_size=12), max_size=30)


def one_by_one(payloads: list[bytes | None], most_bytes: int) -> list[list[int]]:
    """Offsets by piece: a record that does not fit begins the next one."""
    pieces: list[list[int]] = []
    left = -1
    for offset, payload in enumerate(payloads):
        size = len(payload or b"")
        if left < size or not pieces:
            pieces.append([])
            left = most_bytes
        pieces[-1].append(offset)
        left -= size
    return pieces or [[]]


@given(PAYLOADS, st.integers(1, 40), st.integers(0, 5))
def test_pieces_are_those_of_records_taken_one_by_one(
    payloads: list[bytes | None], most_bytes: int, before: int
) -> None:
    """Also where the buffer holds more than the records at hand."""
    ahead: list[bytes | None] = [b"x" * 7] * before
    rows = [(offset - before, 1, one) for offset, one in enumerate([*ahead, *payloads])]
    records = Records.of(rows, len(payloads)).cut(before, len(rows))
    found = list(records.pieces(most_bytes))
    assert [piece.offset.tolist() for piece in found] == one_by_one(payloads, most_bytes)
    ends = [piece.next_offset for piece in found]
    assert ends == [*(int(piece.offset[0]) for piece in found[1:]), len(payloads)]
    told = [piece.payload(i) for piece in found for i in range(len(piece))]
    assert told == payloads


@given(PAYLOADS, st.integers(0, 40), st.integers(1, 40))
def test_what_fits_is_within_both_bounds_or_one_record(
    payloads: list[bytes | None], most: int, most_bytes: int
) -> None:
    """The most that is within them: one more would not be."""
    records = Records.of([(offset, 1, one) for offset, one in enumerate(payloads)])
    count = records.fitting(most, most_bytes)
    sizes = [len(one or b"") for one in payloads]
    fits = [n for n in range(min(most, len(sizes)) + 1) if sum(sizes[:n]) <= most_bytes]
    assert count == max(fits[-1], min(len(sizes), 1))

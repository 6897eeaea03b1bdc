"""Deadlines come soonest first, each at its newest time alone."""

from hypothesis import given
from hypothesis import strategies as st

from alarms.deadlines import Deadlines

NAMES = st.sampled_from("abcd")


@given(st.lists(st.tuples(NAMES, st.none() | st.integers(0, 20))), st.integers(0, 20))
def test_those_that_are_due_come_in_order_of_time_and_key(
    told: list[tuple[str, int | None]], time_s: int
) -> None:
    deadlines, plain = Deadlines(), dict[str, int]()
    for name, due_s in told:
        if due_s is None:
            deadlines.drop((name,))
            plain.pop(name, None)
        else:
            deadlines.set((name,), due_s)
            plain[name] = due_s
    assert (len(deadlines), deadlines.soonest_s) == (len(plain), min(plain.values(), default=None))
    found = []
    while (due := deadlines.pop(time_s)) is not None:
        found.append(due)
    wanted = sorted((due_s, (name,)) for name, due_s in plain.items() if due_s <= time_s)
    assert found == wanted


def test_what_is_set_again_and_again_does_not_pile_up() -> None:
    deadlines = Deadlines()
    for time_s in range(10_000, 0, -1):
        deadlines.set(("a",), time_s)
    assert len(deadlines._heap) < 2_000

"""Quantities as text: read strictly, written as they were."""

import msgspec
import pytest

from configuration.yaml.fill import quantity_of, quantity_text
from contracts.quantities import Duration, Quantity, Rate, Sigmas


@pytest.mark.parametrize(
    ("text", "ns"), [("0 s", 0), ("1.5 min", 90 * 10**9), ("2h", 7200 * 10**9), ("7 ms", 7 * 10**6)]
)
def test_a_time_is_read_exactly(text: str, ns: int) -> None:
    assert Duration(text).ns == ns


@pytest.mark.parametrize(
    "text", ["5 mins", "5", "min", "-5 s", "5  s", " 5 s", "1e3 s", "\uff15 s", "5 s\n", "1:30"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time such as"):
        Duration(text)


@pytest.mark.parametrize("text", ["0.6", "0.6 per", "0.6 per year", "per min", "-1 per s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a change per time"):
        Rate(text)


@pytest.mark.parametrize("quantity", [Duration("3 periods"), Sigmas("4.5 sigma"), Rate("1 per h")])
def test_a_quantity_travels_as_its_text(quantity: Quantity) -> None:
    data = msgspec.msgpack.encode(quantity, enc_hook=quantity_text)
    assert msgspec.msgpack.decode(data) == str(quantity)
    assert msgspec.msgpack.decode(data, type=type(quantity), dec_hook=quantity_of) == quantity


def test_a_bundle_with_a_broken_quantity_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="expected a time such as"):
        msgspec.msgpack.decode(msgspec.msgpack.encode("5"), type=Duration, dec_hook=quantity_of)
    with pytest.raises(msgspec.ValidationError, match="expected a quantity as text, got int"):
        msgspec.msgpack.decode(b"\x05", type=Duration, dec_hook=quantity_of)

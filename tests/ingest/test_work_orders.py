"""Work orders of a file are taken as a whole, or every wrong line of it is named."""

from pathlib import Path

import pytest

from contracts.errors import ConfigError
from ingest.work_orders import read_work_orders

ORDERS = """order,asset,begins,ends,reason
w-1,water.dma-1,2026-03-01T00:00+08:00,2026-03-01T06:00+08:00,new gauge
w-1,water.dma-2,2026-03-01T00:00+08:00,2026-03-01T06:00+08:00,new gauge
w-2,power.feeder-7,2026-03-02T00:00+08:00,2026-03-02T06:00+08:00,"switch, tested"
"""


def test_orders_of_a_file_have_a_row_for_each_asset(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("\ufeff" + ORDERS)
    first, second = read_work_orders(file, "li.wei")
    assert (first.order, first.assets) == ("w-1", ["water.dma-1", "water.dma-2"])
    assert first.ends - first.begins == 6 * 3_600_000
    assert (second.order, second.reason, second.by) == ("w-2", "switch, tested", "li.wei")


def many(rows: int, asset: str) -> str:
    head, first, *_ = ORDERS.splitlines()
    lines = [first.replace("water.dma-1", asset.format(n)) for n in range(rows)]
    return "\n".join([head, *lines])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("order,asset\n", r":1: expected the columns order, asset, begins.*add begins"),
        ("", r":1: expected the columns .*, got none"),
        (ORDERS.splitlines()[0], r":1: expected at least one work order"),
        (ORDERS.replace("water.dma-2", "dma"), r":3: asset: expected a lifeline and an asset"),
        (ORDERS.replace("water.dma-2", "water.dma-1"), r":3: asset: expected each once in order"),
        (ORDERS.replace("2026-03-02T06:00+08:00", "noon"), r":4: ends: expected an RFC 3339 time"),
        (ORDERS.replace("w-2", ""), r":4: order: expected a text, got none"),
        (
            ORDERS.replace("dma-2,2026-03-01T00", "dma-2,2026-03-01T01"),
            r":3: begins: expected that",
        ),
        (
            ORDERS.replace('tested"', "tested"),
            r":4: expected UTF-8 text in CSV, got unexpected end",
        ),
        (many(1001, "water.{}"), r":2: expected at most 1000 assets in order 'w-1', got 1001"),
        (
            many(900, "water.a-long-name-of-an-asset-{}"),
            r":2: expected an order of at most .* bytes",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_named_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_work_orders(file, "li.wei")


def test_every_wrong_line_is_named_and_a_file_of_another_encoding_is_too(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(ORDERS.replace("+08:00", ""))
    with pytest.raises(ConfigError) as raised:
        read_work_orders(file, "li.wei")
    assert len(raised.value.findings) == 3
    file.write_bytes(ORDERS.replace("gauge", "Zähler").encode("latin-1"))
    with pytest.raises(ConfigError, match="expected UTF-8 text in CSV"):
        read_work_orders(file, "li.wei")

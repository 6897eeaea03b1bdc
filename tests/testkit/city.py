"""A small made city: its configuration, and telemetry with every kind of trouble in it."""

import random
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import msgspec
import numpy as np
import pyarrow as pa

CLASS = """\
class: water.level
unit: m
period: 1 s
plausible: {range: [0, 10], fastest: 500 per s, future: 5 s, back_fill: 60 s}
limit:
  low: {blue: 2.0, yellow: 1.6, orange: 1.2, red: 0.8}
  high: {orange: 8.0, red: 9.0}
  on_delay: 100 ms
  off_delay: 100 ms
  hysteresis: 0.1
"""
DUTY = """\
    cause: made for tests
    consequence: none
    respond: {procedure: T-1, first: [look]}
    owner: {level: street, role: tester, within: 5 min, then: district}
    say: {en: "{name}: {observed} {unit}", zh: "{name}：{observed} {unit}"}
    source: "[E] made for tests"
"""


def configure(folder: Path, groups: int, lanes: int, state: Path) -> list[str]:
    """Write a configuration of two channels a group; the channel ids come back."""
    duty = "  duty:\n" + DUTY
    text = CLASS + duty
    text += "unusual:\n  model: ewma\n  smoothing: 0.05\n  band: 5 sigma\n  floor: 0.05\n"
    text += "  warm_up: 50\n  at_most: yellow\n  off_delay: 300 ms\n  relearn_after: 5 s\n" + duty
    text += "silent:\n  after: 3 periods\n  colour: blue\n"
    text += duty.replace("{observed} {unit}", "silent for {lasted}")
    water = folder / "water"
    water.mkdir(parents=True)
    (water / "level.yaml").write_text(text)
    rows = ["id,class,asset,group"]
    channels = []
    for group in range(groups):
        for side in ("in", "out"):
            channel = f"water.tank-{group:03d}.{side}"
            channels.append(channel)
            rows.append(f"{channel},water.level,tank-{group:03d},water.tank-{group:03d}")
    (water / "catalogue.csv").write_text("\n".join(rows) + "\n")
    (folder / "tocsin.yaml").write_text(
        dedent(f"""\
        app: tocsin
        kafka: {{bootstrap: "localhost:9092"}}
        lifelines: {{water: {{partitions: {lanes}}}}}
        state: {state}
        snapshot: {{every: 1 s}}
        """)
    )
    return channels


@dataclass(frozen=True, slots=True)
class Sample:
    """One message to be sent: its group decides the partition."""

    group: str
    payload: bytes
    readings: int


class Telemetry:
    """Readings of all channels with numbered values, episodes, silences and faults.

    Parameters
    ----------
    channels : list of str
    seed : int
    """

    def __init__(self, channels: list[str], seed: int) -> None:
        self._channels = channels
        self._chance = random.Random(seed)
        self._last: dict[str, int] = {}
        self.readings = 0

    def message(self, now_ms: int) -> Sample:
        """Next message: usually one reading, sometimes an array, sometimes Arrow or rubbish."""
        chance = self._chance.random()
        channel = self._pick(now_ms)
        group = channel.rsplit(".", 1)[0]
        if chance < 0.002:
            return self._sample(group, b'{"channel": "wat', 1)
        if chance < 0.005:
            unknown_id = {"channel": "water.nobody.knows", "time": now_ms, "value": 1.0}
            return self._sample(group, msgspec.json.encode(unknown_id), 1)
        if chance < 0.02:
            rows = [self._reading(channel, now_ms - 19 + i) for i in range(20)]
            return self._sample(group, msgspec.json.encode(rows), len(rows))
        if chance < 0.03:
            rows = [self._reading(channel, now_ms - 29 + i) for i in range(30)]
            return self._sample(group, _arrow(rows), len(rows))
        return self._sample(group, msgspec.json.encode(self._reading(channel, now_ms)), 1)

    def _sample(self, group: str, payload: bytes, readings: int) -> Sample:
        self.readings += readings
        return Sample(group, payload, readings)

    def _pick(self, now_ms: int) -> str:
        """A channel that is not in one of its silences (4 s of every 20, staggered)."""
        while True:
            place = self._chance.randrange(len(self._channels))
            if (now_ms // 1000 + place) % 20 >= 4 or place % 5:
                return self._channels[place]

    def _reading(self, channel: str, time_ms: int) -> dict[str, object]:
        """A reading: mostly in order, with disorder, repeats and bad values."""
        trouble = self._chance.random()
        previous = self._last.get(channel, time_ms)
        if trouble < 0.01:
            time_ms = previous
        elif trouble < 0.02:
            time_ms = previous - 7
        elif trouble < 0.022:
            time_ms += 60_000
        else:
            self._last[channel] = max(previous, time_ms)
        reading: dict[str, object] = {"channel": channel, "time": time_ms}
        reading["value"] = round(self._value(channel, time_ms), 4)
        if trouble > 0.99:
            reading["quality"] = "bad"
        elif trouble > 0.985:
            reading["value"] = 11.0
        return reading

    def _value(self, channel: str, time_ms: int) -> float:
        """Five metres with noise; every second channel falls to 0.5 m and back, again and again."""
        place = self._channels.index(channel)
        noise = self._chance.gauss(0.0, 0.05)
        period_ms = 4_000 + 500 * (place % 5)
        share = (time_ms + 700 * place) % period_ms / period_ms
        depth = max(0.0, 1.0 - abs(share - 0.5) / 0.35)
        return 5.0 - (4.5 * depth if place % 2 == 0 else 0.0) + noise


def _arrow(rows: list[dict[str, object]]) -> bytes:
    times = np.array([row["time"] for row in rows], "datetime64[ms]")
    table = pa.table(
        {
            "channel": pa.array([row["channel"] for row in rows], pa.string()),
            "time": pa.array(times, pa.timestamp("ms", "UTC")),
            "value": pa.array([row["value"] for row in rows], pa.float64()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())

"""All concentrators of a city in one process: readings as Arrow, each class at its own rate.

Run by `city.py`, with its arguments as JSON; says how many readings it sent when told to stop.
"""

import heapq
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from confluent_kafka import Producer
from numpy.typing import NDArray

from benchmarks.city_load import packs
from benchmarks.city_load.city import BEGIN, CONCENTRATOR, Class, classes
from configuration.bundle_store import load
from configuration.catalogue.store import lanes_of
from configuration.configuration import Configuration
from contracts.catalogue import Catalogue
from contracts.topics import TopicNames

FRAME_S = 0.1  # a concentrator of fast channels sends what it gathered in this time


class Orders(msgspec.Struct):
    """What the generator is told.

    Parameters
    ----------
    configs : str
        Configuration folder, whose kept catalogues give the ids.
    bootstrap : str
    channels : int
    faults_per_s : float
        Readings outside the limits, on channels of classes that ring with the first of them.
    """

    configs: str
    bootstrap: str
    channels: int
    faults_per_s: float


@dataclass
class Source:
    """Concentrators of one class.

    Parameters
    ----------
    of : Class
    topic : str
    ids : pa.Array
        Of all channels, concentrator by concentrator.
    begins : int64 (concentrators + 1,)
    lanes : int32 (concentrators,)
    middle, noise : float64 (channels,)
        Mean and deviation of what each says.
    fault : float or None
        Value that rings with the first reading; None where none does.
    """

    of: Class
    topic: str
    ids: pa.Array
    begins: NDArray[np.int64]
    lanes: NDArray[np.int32]
    middle: NDArray[np.float64]
    noise: NDArray[np.float64]
    fault: float | None
    frames: int = 1
    turn: int = 0
    sent: int = 0
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def pause_s(self) -> float:
        """Time between two messages."""
        return self.of.period_s * self.frames / len(self.lanes)

    def message(self, now_ms: int, fault: int | None) -> tuple[int, bytes]:
        """Lane and payload of the next concentrator in turn."""
        place = self.turn % len(self.lanes)
        self.turn += 1
        begin, end = self.begins[place], self.begins[place + 1]
        ids = self.ids.slice(begin, end - begin)
        times = np.full(len(ids), now_ms, np.int64)
        if self.frames > 1:
            step_ms = round(self.of.period_s * 1000)
            back = np.arange(self.frames - 1, -1, -1) * step_ms
            times = np.repeat(now_ms - back, len(ids))
            ids = pa.concat_arrays([ids] * self.frames)
        first = self.turn * 37 % 4096
        middle, noise = self.middle[begin:end], self.noise[begin:end]
        frames = self.values[first : first + len(ids)].reshape(self.frames, -1)
        values = (middle + noise * frames).reshape(-1)
        if fault is not None and self.fault is not None:
            values[len(values) - 1 - fault % (end - begin)] = self.fault
        self.sent += len(ids)
        return int(self.lanes[place]), _encoded(ids, times, values)


_SCHEMA = pa.schema(
    [
        ("channel", pa.string()),
        ("time", pa.timestamp("ms", "UTC")),
        ("value", pa.float64()),
        ("quality", pa.uint8()),
    ]
)
_GOOD = pa.array(np.zeros(4 * CONCENTRATOR, np.uint8))


def _encoded(ids: pa.Array, times: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    columns = [ids, pa.array(times).cast(_SCHEMA.field("time").type), pa.array(values)]
    batch = pa.record_batch([*columns, _GOOD.slice(0, len(ids))], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


def sources(orders: Orders) -> Iterator[Source]:
    """One source for each class, over the catalogues as they were kept."""
    configuration = load(Path(orders.configs))
    names, chance = TopicNames(configuration.settings.app), np.random.default_rng(7)
    values = np.clip(chance.normal(0.0, 1.0, 4096 + 4 * CONCENTRATOR), -4.0, 4.0)
    for each in classes(orders.channels):
        catalogue = configuration.catalogues[each.lifeline]
        words, class_of = catalogue.codes("class")
        rows = np.flatnonzero(class_of == words.index(each.name))
        _, group_of = catalogue.codes("group")
        lane_of = lanes_of(catalogue, configuration.partitions[each.lifeline])[rows]
        ids = catalogue.table.column("id").take(pa.array(rows)).combine_chunks()
        frames = max(round(FRAME_S / each.period_s), 1)
        most = CONCENTRATOR // frames
        begins, lanes = _split(group_of[rows], lane_of, most)
        topic = names.telemetry(each.lifeline)
        middle, noise, fault = _says(configuration, catalogue, rows)
        yield Source(
            each, topic, ids, begins, lanes, middle, noise, fault, frames=frames, values=values
        )


def _says(
    configuration: Configuration, catalogue: Catalogue, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float | None]:
    """What channels say, and what rings: of one number for all where all are alike."""
    labels, label_of = configuration.labels(catalogue)
    mine = label_of[rows]
    said = [packs.values(configuration.packs[label]) for label in labels]
    common = np.bincount(mine).argmax()
    if (mine == common).all():
        middle, noise = (np.broadcast_to(word, len(rows)) for word in said[common][:2])
        return middle, noise, said[common].fault
    middle, noise = (np.array([one[word] for one in said])[mine] for word in (0, 1))
    return middle, noise, said[common].fault


def _split(
    group_of: NDArray[np.int32], lane_of: NDArray[np.int32], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where messages begin: at each group, and after so many channels of one."""
    fresh = np.flatnonzero(np.diff(group_of, prepend=-1))
    begins = np.concatenate(
        [np.arange(a, b, most) for a, b in zip(fresh, [*fresh[1:], len(group_of)], strict=True)]
    )
    return np.append(begins, len(group_of)).astype(np.int64), lane_of[begins]


def run(orders: Orders) -> None:
    """Send from BEGIN to SIGTERM, then say what was sent."""
    told: set[int] = set()
    for number in (BEGIN, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.add(number))
    crowd = list(sources(orders))
    print("ready", flush=True)
    while BEGIN not in told:
        time.sleep(0.01)
    producer = Producer(
        {
            "bootstrap.servers": orders.bootstrap,
            "linger.ms": 5,
            "log_level": 0,
            "enable.idempotence": True,
        }
    )
    went = send(crowd, producer, orders.faults_per_s, lambda: signal.SIGTERM in told)
    sent = sum(each.sent for each in crowd)
    print(json.dumps({"sent": sent, "left": producer.flush(30), **went}), flush=True)


def send(
    crowd: list[Source], producer: Producer, faults_per_s: float, over: Callable[[], bool]
) -> dict[str, float]:
    """Send each message when it is due; faults sent, and how late a message was at most."""
    chance, began = np.random.default_rng(11), time.time()
    due = [(chance.random() * each.pause_s, i) for i, each in enumerate(crowd)]
    heapq.heapify(due)
    faults, late = 0, 0.0
    while not over():
        (at, i), now = due[0], time.time() - began
        if at > now:
            producer.poll(0)
            time.sleep(min(at - now, 0.05))
            continue
        late = max(late, now - at)
        heapq.heapreplace(due, (at + crowd[i].pause_s, i))
        fault = None
        if faults <= now * faults_per_s and crowd[i].fault is not None:
            fault, faults = int(chance.integers(CONCENTRATOR)), faults + 1
        lane, body = crowd[i].message(round((began + at) * 1000), fault)
        producer.produce(crowd[i].topic, body, partition=lane)
        producer.poll(0)
    return {"faults": faults, "late_s": late}


if __name__ == "__main__":
    run(msgspec.json.decode(sys.argv[1], type=Orders))

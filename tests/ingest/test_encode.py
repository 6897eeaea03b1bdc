"""What gateways encode is what the decoder reads, on the lane where it belongs."""

import random
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest

from contracts.batch import Quality
from contracts.records import Records
from ingest.decode import DecodeLimits, Decoder
from ingest.encode import READINGS_MAX, Encoder, Outgoing, Sample
from ingest.partitioner import home_lanes

LANES = 3
GROUPS = [f"water.dma-{i:03d}" for i in range(40)]
CHANNELS = {f"{group}.{kind}": group for group in GROUPS for kind in ("flow", "北")}
FORMS: list[Literal["arrow", "json"]] = ["arrow", "json"]


def samples(count: int) -> list[Sample]:
    chance = random.Random(count)
    return [
        Sample(
            CHANNELS[channel],
            channel,
            1_772_323_200_000 + i,
            chance.choice([chance.gauss(0, 1e3), 0.1, -0.0, 1e-300]),
            chance.choice(list(Quality)),
        )
        for i, channel in enumerate(chance.choices(list(CHANNELS), k=count))
    ]


def sent(encoder: Encoder, every: list[Sample]) -> list[Outgoing]:
    found = [encoder.add(sample, now_s=0.0) for sample in every]
    return [message for message in found if message is not None] + encoder.flush()


@pytest.mark.parametrize("form", FORMS)
def test_the_decoder_reads_what_was_encoded(form: Literal["arrow", "json"]) -> None:
    every = samples(2_000)
    messages = sent(Encoder(LANES, form, readings=150), every)
    row_of = {channel: row for row, channel in enumerate(CHANNELS)}
    ones, zeros = np.ones(len(row_of)), np.zeros(len(row_of))
    decoder = Decoder(pa.array(list(row_of)), ones, zeros, DecodeLimits())
    home = dict(zip(GROUPS, home_lanes(pa.array(GROUPS), LANES).tolist(), strict=True))
    for lane in range(LANES):
        mine = [sample for sample in every if home[sample.group] == lane]
        bodies = [
            (i, 0, message.body) for i, message in enumerate(messages) if message.lane == lane
        ]
        batch = decoder.decode(Records.of(list(bodies)))
        assert batch.refused == []
        assert batch.row.tolist() == [row_of[sample.channel] for sample in mine]
        assert batch.time_ns.tolist() == [sample.time_ms * 10**6 for sample in mine]
        assert batch.value.tolist() == [sample.value for sample in mine]
        assert batch.quality.tolist() == [int(sample.quality) for sample in mine]
    assert {message.lane for message in messages} == set(range(LANES))
    assert all(home[message.key] == message.lane for message in messages)


def test_a_message_leaves_when_it_is_full_or_old() -> None:
    encoder = Encoder(1, readings=3, age_s=0.5)
    first, second, third, fourth = samples(4)
    assert encoder.add(first, 0.0) is None
    assert encoder.due(0.4) == []
    assert encoder.add(second, 0.4) is None
    assert encoder.add(third, 0.45) is not None
    assert encoder.due(9.0) == []
    assert encoder.add(fourth, 10.0) is None
    assert encoder.due(10.4) == []
    assert len(encoder.due(10.5)) == 1
    assert encoder.flush() == []


@pytest.mark.parametrize("form", FORMS)
def test_the_largest_message_is_within_the_limits(form: Literal["arrow", "json"]) -> None:
    longest = "x" * DecodeLimits().channel_bytes
    encoder = Encoder(1, form, readings=READINGS_MAX)
    sample = Sample("g", longest, 1_772_323_200_000, -1.2345678901234567e-300, Quality.UNCERTAIN)
    found = [encoder.add(sample, 0.0) for _ in range(READINGS_MAX)]
    assert found[-1] is not None
    assert len(found[-1].body) <= DecodeLimits().message_bytes


@pytest.mark.parametrize("readings", [0, READINGS_MAX + 1])
def test_a_size_out_of_bounds_is_refused(readings: int) -> None:
    with pytest.raises(ValueError, match="expected 1 to 4000 readings a message, got"):
        Encoder(1, readings=readings)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Sample("g", "a", -1, 1.0), "a: expected a time from 1970 to 2200, got -1 ms; set"),
        (Sample("g", "a", 7_289_654_400_000, 1.0), "expected a time from 1970 to 2200"),
        (Sample("g", "北" * 43, 1, 1.0), "expected a channel id of at most 128 bytes, got '北北"),
        (Sample("g", "\ud800", 1, 1.0), "surrogates not allowed"),
        (Sample("g", "a", 1, 1.0, 7), "7 is not a valid Quality"),  # type: ignore[arg-type]
    ],
)
def test_a_sample_that_the_decoder_refuses_takes_no_others_along(
    form: Literal["arrow", "json"], bad: Sample, message: str
) -> None:
    encoder, good = Encoder(1, form), Sample("g", "a", 0, float("nan"))
    assert encoder.add(good, 0.0) is None
    with pytest.raises(ValueError, match=message):
        encoder.add(bad, 0.0)
    assert encoder.add(good, 0.0) is None
    body = encoder.flush()[0].body
    decoder = Decoder(pa.array(["a"]), np.ones(1), np.zeros(1), DecodeLimits())
    batch = decoder.decode(Records.of([(0, 0, body)]))
    assert (batch.row.tolist(), batch.refused) == ([0, 0], [])

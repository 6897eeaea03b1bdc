"""How the consumer of a lifeline's telemetry is set; nothing is left to a library's default."""

from typing import Annotated, Any, Literal

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from msgspec import Meta, Struct

from broker.access import client_options
from contracts.kafka import NO_SECURITY, Security

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]

# The sticky assignor keeps its state in its class and never learns the generation: with it a group
# can hand out partitions twice or not at all, so it is not offered.
_ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


class KafkaSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of one telemetry consumer.

    Parameters
    ----------
    bootstrap : str
        Addresses of brokers, with commas between.
    topic, lifeline : str
        Telemetry topic, and the lifeline that lanes are named after (`water-3`).
    group : str
        Consumer group: shares lanes out, and its offsets tell the lag.
    lanes : tuple of int or None
        Lanes to read without joining the group; None leaves the choice to the group.
    instance : str or None
        Static membership: the same name after a restart gets the same lanes back.
    assignor : str
        How the group shares lanes out.
    session_timeout_ms, heartbeat_interval_ms : int
        A worker that is silent for the session timeout loses its lanes.
    rebalance_timeout_ms : int
        How long workers may take to let go of lanes.
    max_poll_interval_ms : int
        A worker that does not fetch for so long leaves the group.
    request_timeout_ms, retry_backoff_ms, metadata_max_age_ms : int
        Of single requests.
    fetch_max_wait_ms, fetch_max_bytes, max_partition_fetch_bytes : int
        Longest wait and most compressed bytes of one answer, and of one partition therein. A
        record larger than that still arrives, alone.
    records_per_fetch : int
        Most records that one `fetch` gives.
    security : Security
        How to connect and log in; secrets are read when a client is made.
    check_crcs : bool
        Off only for the embedded broker of the demo, whose markers carry a wrong one.
    isolation_level : str
        Whether transactions that are open or aborted are hidden.
    call_deadline_s, start_deadline_s, close_deadline_s : float
        Bounds of every call, of connecting and joining, and of letting go.
    stall_s : float
        A fetch that brings nothing for so long although the log holds more is a stuck client.
    """

    bootstrap: str
    topic: str
    lifeline: str
    group: str
    lanes: tuple[Annotated[int, Meta(ge=0)], ...] | None = None
    instance: str | None = None
    assignor: Literal["range", "roundrobin"] = "range"
    session_timeout_ms: Positive = 30_000
    heartbeat_interval_ms: Positive = 3_000
    rebalance_timeout_ms: Positive = 60_000
    max_poll_interval_ms: Positive = 300_000
    request_timeout_ms: Positive = 10_000
    retry_backoff_ms: Positive = 100
    metadata_max_age_ms: Positive = 60_000
    fetch_max_wait_ms: Positive = 500
    fetch_max_bytes: Positive = 32 << 20
    max_partition_fetch_bytes: Positive = 1 << 20
    records_per_fetch: Positive = 20_000
    security: Security = NO_SECURITY
    check_crcs: bool = True
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    call_deadline_s: Seconds = 15.0
    start_deadline_s: Seconds = 60.0
    close_deadline_s: Seconds = 5.0
    stall_s: Seconds = 60.0

    def client_options(self) -> dict[str, Any]:
        """Arguments of `AIOKafkaConsumer`."""
        same = (
            "session_timeout_ms",
            "heartbeat_interval_ms",
            "rebalance_timeout_ms",
            "max_poll_interval_ms",
            "request_timeout_ms",
            "retry_backoff_ms",
            "metadata_max_age_ms",
            "fetch_max_wait_ms",
            "fetch_max_bytes",
            "max_partition_fetch_bytes",
            "check_crcs",
            "isolation_level",
        )
        return {name: getattr(self, name) for name in same} | {
            "bootstrap_servers": self.bootstrap,
            "client_id": f"tocsin-{self.lifeline}",
            "group_id": self.group,
            "group_instance_id": self.instance,
            "partition_assignment_strategy": (_ASSIGNORS[self.assignor],),
            # Offsets are committed by hand, behind a snapshot; a lost position is never guessed.
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            **client_options(self.security),
        }

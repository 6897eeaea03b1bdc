"""A Kafka that lives inside this process, for the demo: no Java, no promise."""

import logging
import time
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException, Producer

PARTITIONS: Final = 4  # of every topic; the broker offers no other number
START_S_MAX: Final = 10.0

_QUIET = logging.getLogger("tocsin.embedded.librdkafka")


class EmbeddedBroker:
    """librdkafka's in-process cluster of one broker, as a context manager.

    Good enough to show Tocsin at work, and different from a broker in these ways:

    - **It does not fence**: an old transactional producer may commit after a new one has started.
      Nor does it isolate: a read-committed consumer sees open and aborted records too. So nothing
      about delivery is claimed or tested on it.
    - Transaction markers carry a wrong checksum: consumers need `check_crcs=False`.
    - Topics are made when somebody first asks for their metadata, with 4 partitions each; there
      is no admin client (`create` asks). Topic settings do not exist.
    - A fetch brings one record batch, so producers should send large ones.
    - Joining a group takes 3 to 14 s: assign partitions by hand.
    - Records live in memory, the newest few megabytes of each partition.

    Attributes
    ----------
    bootstrap : str
        Address as Kafka clients take it; empty while the broker does not run.

    Examples
    --------
    >>> with EmbeddedBroker() as broker:
    ...     broker.create("tocsin.telemetry.water")
    4
    """

    def __init__(self) -> None:
        self.bootstrap = ""
        self._host: Producer | None = None

    def __enter__(self) -> Self:
        """Start; the cluster lives as long as the client that hosts it."""
        options: dict[str, object] = {"test.mock.num.brokers": 1, "log_level": 0}
        self._host = Producer(options, logger=_QUIET)
        (broker,) = self._host.list_topics(timeout=START_S_MAX).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the broker and forget its records."""
        host, self._host, self.bootstrap = self._host, None, ""
        if host is not None:
            host.purge()
        del host

    def create(self, topic: str) -> int:
        """Make a topic if it is not there, and return its number of partitions."""
        assert self._host is not None, "the broker does not run"
        deadline = time.monotonic() + START_S_MAX
        while True:
            found = self._host.list_topics(topic, timeout=START_S_MAX).topics[topic]
            if found.error is None and found.partitions:
                return len(found.partitions)
            if time.monotonic() > deadline:
                raise KafkaException(found.error)
            time.sleep(0.05)

"""Ports that nobody listens on."""

import os
import random
import socket

# Below the range from which the system picks a client's port: a client must not be able to sit on
# the port of a node that is down.
PORTS = range(15_000, 32_000)
# Processes that test side by side look among ports of their own: a port found is not taken yet.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on now."""
    found: list[int] = []
    mine = PORTS[WORKER::WORKERS]
    for port in random.SystemRandom().sample(mine, len(mine)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
        if len(found) == count:
            break
    return found

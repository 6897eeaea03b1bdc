"""Properties of a node in a cluster on this machine."""

from dataclasses import dataclass

COMMON = {
    "auto.create.topics.enable": "false",
    # Few, because each costs a file and an election at every start.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # Tests stamp records with event times, months from the machine's clock either way.
    "log.retention.ms": "-1",
    "log.message.timestamp.after.max.ms": str(2**63 - 1),
    # Waiting is most of a failure test: look for the dead sooner than a production broker does.
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.max.timeout.ms": "60000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of all nodes, by number of the node.

    Parameters
    ----------
    clients, controllers : list of int
    ports, behind : list of int
        Where clients of a second listener are sent, and where it listens; empty without one.
    door_host : str
        On which host the doors are.
    """

    clients: list[int]
    controllers: list[int]
    ports: list[int]
    behind: list[int]
    door_host: str


def properties(node: int, ports: Ports) -> dict[str, str]:
    """Everything that a node is told, but where its data lie."""
    copies = len(ports.clients)
    controllers = [f"127.0.0.1:{port}" for port in ports.controllers]
    inner = f"PLAINTEXT://127.0.0.1:{ports.clients[node]}"
    listeners = [inner, f"CONTROLLER://{controllers[node]}"]
    advertised = [inner]
    if ports.ports:
        listeners.append(f"DOOR://127.0.0.1:{ports.behind[node]}")
        advertised.append(f"DOOR://{ports.door_host}:{ports.ports[node]}")
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{n}@{at}" for n, at in enumerate(controllers)),
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": ",".join(
            f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", "DOOR")
        ),
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(copies // 2 + 1),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(copies // 2 + 1),
        **COMMON,
    }

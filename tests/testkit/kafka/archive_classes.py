"""Archive Kafka's classes as Java has loaded them: a node then starts in half the processor time.

Java takes the archive only while it is itself the one that made it and the jars are the same, and
starts without it otherwise.
"""

from pathlib import Path

from tests.testkit.kafka.broker import CLASSES, Cluster


def archive(path: Path) -> None:
    """Start a node that leaves its classes behind when it ends.

    Parameters
    ----------
    path : Path
        Where the archive will lie; one that is there is replaced.
    """
    path.unlink(missing_ok=True)
    with Cluster(java=[f"-XX:ArchiveClassesAtExit={path}"]) as kafka:
        kafka.create_topic("classes")
        kafka.stop(0)
    if not path.exists():
        raise RuntimeError(f"{path}: expected an archive, got none; it takes Java 13 or newer")


if __name__ == "__main__":
    archive(CLASSES)

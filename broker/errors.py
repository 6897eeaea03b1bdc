"""What the Kafka client's errors mean to a lane."""

from typing import Final

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    NoBrokersAvailable,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from contracts.errors import FatalError, Fenced, RetryableError, TocsinError

RETRY_AFTER_S = 1.0

_LOST = (CommitFailedError, IllegalStateError)
_FORBIDDEN: Final[dict[type[KafkaError], str]] = {
    ClusterAuthorizationFailedError: "the cluster",
    GroupAuthorizationFailedError: "group",
    TopicAuthorizationFailedError: "topic",
    TransactionalIdAuthorizationFailed: "transactional id",
}
_AWAY = (TimeoutError, KafkaTimeoutError, NoBrokersAvailable)


def meaning(where: str, doing: str, error: Exception) -> TocsinError:
    """Our error for one of the client's.

    Parameters
    ----------
    where : str
        Lane or topic.
    doing : str
        The call that failed (`commit`).
    error : Exception
        What the client raised, or `TimeoutError`.

    Examples
    --------
    >>> print(meaning("water-3", "commit", CommitFailedError()))
    water-3: expected to own the lane in `commit`, got CommitFailedError; drop the lane
    """
    got = f"{type(error).__name__}"
    if isinstance(error, _LOST):
        msg = f"{where}: expected to own the lane in `{doing}`, got {got}"
        return Fenced(f"{msg}; drop the lane")
    if (refused := forbidden(where, doing, error)) is not None:
        return refused
    if _away(error):
        msg = f"{where}: expected an answer to `{doing}`, got {got}; retrying in {RETRY_AFTER_S} s"
        return RetryableError(msg, RETRY_AFTER_S)
    return FatalError(f"{where}: `{doing}` failed: {error!r}; restart the worker")


def forbidden(where: str, doing: str, error: Exception) -> FatalError | None:
    """Which right is missing, if one is.

    Parameters
    ----------
    where : str
        Lane or topic.
    doing : str
        The call that failed (`flush`).
    error : Exception
        What the client raised; it names the topic, group or transactional id.

    Examples
    --------
    >>> print(forbidden("water-3", "flush", TopicAuthorizationFailedError("tocsin.alarms.water")))
    water-3: expected the right to `flush` on topic 'tocsin.alarms.water', got
    TopicAuthorizationFailedError; give it, `tocsin topics --acl` prints all of them
    """
    kind = next((word for cause, word in _FORBIDDEN.items() if isinstance(error, cause)), None)
    if kind is None:
        return None
    names = " ".join(sorted(_names(error)))
    return FatalError(
        f"{where}: expected the right to `{doing}` on {kind}{names and f' {names}'}, got "
        f"{type(error).__name__}; give it, `tocsin topics --acl` prints all of them"
    )


def _names(error: Exception) -> set[str]:
    """What a refusal names: the client gives one name or a set of them."""
    given = error.args[0] if error.args else ()
    return {repr(str(name)) for name in ([given] if isinstance(given, str) else given)}


def refusal(where: str, doing: str, error: Exception) -> TocsinError:
    """Our error for one that a command ends with: nobody tries again.

    Parameters
    ----------
    where : str
        Address of the brokers.
    doing : str
        The command.
    error : Exception
        What the client raised, or `TimeoutError`.

    Examples
    --------
    >>> print(refusal("kafka-1:9092", "demo", NoBrokersAvailable()))
    kafka-1:9092: expected Kafka brokers to answer, got NoBrokersAvailable; look at the address
    """
    if not _away(error):
        return meaning(where, doing, error)
    got = f"{type(error).__name__}"
    return FatalError(f"{where}: expected Kafka brokers to answer, got {got}; look at the address")


def _away(error: Exception) -> bool:
    return isinstance(error, _AWAY) or (isinstance(error, KafkaError) and error.retriable)

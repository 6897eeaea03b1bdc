"""What the Kafka client's errors mean to a lane."""

from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    NoBrokersAvailable,
    TopicAuthorizationFailedError,
)

from contracts.errors import FatalError, Fenced, RetryableError, TocsinError

RETRY_AFTER_S = 1.0

_LOST = (CommitFailedError, IllegalStateError)
_FORBIDDEN = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
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
    if isinstance(error, _FORBIDDEN):
        return FatalError(f"{where}: `{doing}` is not allowed ({got}); widen the worker's ACLs")
    if _away(error):
        msg = f"{where}: expected an answer to `{doing}`, got {got}; retrying in {RETRY_AFTER_S} s"
        return RetryableError(msg, RETRY_AFTER_S)
    return FatalError(f"{where}: `{doing}` failed: {error!r}; restart the worker")


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

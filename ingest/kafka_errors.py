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
    if isinstance(error, _AWAY) or (isinstance(error, KafkaError) and error.retriable):
        msg = f"{where}: expected an answer to `{doing}`, got {got}; retrying in {RETRY_AFTER_S} s"
        return RetryableError(msg, RETRY_AFTER_S)
    return FatalError(f"{where}: `{doing}` failed: {error!r}; restart the worker")

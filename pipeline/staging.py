"""How a shadow begins, takes over and ends: what journal entries about it do to a lane."""

from contracts.errors import TocsinError
from contracts.journal import Command, Promote, Rollback, Shadow, ShadowCommand, Shed
from pipeline.lane import NS_PER_S, Lane
from pipeline.lane_state import twin
from pipeline.understudy import Understudy


def stage(lane: Lane, change: Command | Shed) -> None:
    """Let an entry about a shadow take effect; `unfit` has judged it before it was written."""
    if isinstance(change, Shadow):
        _begin(lane, change)
    elif isinstance(change, Promote):
        _promote(lane)
    elif isinstance(change, Rollback):
        _roll_back(lane, change)
    else:
        lane.sheds += 1
        _end(lane)


def _begin(lane: Lane, change: Shadow) -> None:
    """From here on another bundle plays along, as if a swap had let it govern."""
    player = twin(lane)
    player.outbox.take()
    player.swap(lane.parts_for(change.config))
    who = {"by": change.by, "reason": change.reason, "since_s": lane.lane_time_s}
    lane.understudy = Understudy(player, who)
    lane.outbox.heard = []


def _end(lane: Lane) -> None:
    lane.understudy = None
    lane.outbox.heard = None


def _promote(lane: Lane) -> None:
    """The shadow's parts govern, with all that they learned; open alarms go on as they are known.

    Workers are still started with the bundle that was deployed, so the lane remembers it.
    """
    assert lane.understudy is not None, "judged before it was written"
    old, lane.parts = lane.parts, lane.understudy.lane.parts
    _end(lane)
    lane.before = [*lane.before[:1], old.config]
    time_ns = max(lane.lane_time_s, 0) * NS_PER_S
    lane.outbox.tell(lane.parts.book.succeed(old.book.state(), time_ns))


def _roll_back(lane: Lane, change: Rollback) -> None:
    if lane.understudy is not None and lane.understudy.config == change.config:
        _end(lane)
    else:
        lane.swap(lane.parts_for(lane.before.pop()))


def settled(lane: Lane, deployed: str) -> bool:
    """Whether a worker that was started with a bundle finds what it wants, or what replaced it."""
    return deployed == (lane.before[0] if lane.before else lane.parts.config)


def unfit(lane: Lane, command: ShadowCommand) -> str:
    """Why a command about a shadow cannot be carried out here, empty when it can."""
    config, understudy = command.config, lane.understudy
    runs = understudy.config if understudy is not None else "none"
    if isinstance(command, Shadow):
        if understudy is not None:
            return f"expected no shadow, got {runs}; promote it or roll it back first"
        return _unreadable(lane, config)
    if runs == config:
        stumbled = understudy is not None and understudy.trouble
        promoting = isinstance(command, Promote)
        return f"expected a sound shadow, it {stumbled}" if promoting and stumbled else ""
    if isinstance(command, Rollback) and lane.before and lane.parts.config == config:
        return _unreadable(lane, lane.before[-1])
    return f"expected a shadow {config}, got {runs}; `tocsin shadow status` says what runs"


def _unreadable(lane: Lane, config: str) -> str:
    try:
        lane.parts_for(config)
    except (TocsinError, OSError, LookupError) as error:
        return f"expected a bundle {config} that fits this lane, got: {error}"
    return ""

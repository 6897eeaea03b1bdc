"""Which commands about shadows a lane can carry out."""

from contracts.errors import TocsinError
from contracts.journal import Promote, Rollback, Shadow, ShadowCommand
from pipeline.lane.lane import Lane


def settled(lane: Lane, deployed: str) -> bool:
    """Whether a worker that is to run a bundle finds what it wants, or what replaced it."""
    return deployed == (lane.before[0] if lane.before else lane.parts.config)


def unfit(lane: Lane, command: ShadowCommand) -> str:
    """Why a command about a shadow cannot be carried out here, empty when it can."""
    config, shadow = command.config, lane.shadow
    runs = shadow.config if shadow is not None else "none"
    if isinstance(command, Shadow):
        if shadow is not None:
            return f"expected no shadow, got {runs}; promote it or roll it back first"
        return _unreadable(lane, config)
    if runs == config:
        stumbled = shadow is not None and shadow.trouble
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

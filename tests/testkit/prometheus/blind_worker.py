"""A release with a fault: its workers take, count and commit readings, and find nothing in them."""

import sys
from typing import Any

from app.cli.main import main
from configuration import lane_plan
from contracts.transition import Transitions, no_transitions
from detectors.fused.scorer import ChannelRules


class BlindRules(ChannelRules):
    """Rules whose level changes are lost on the way."""

    def score(self, *readings: Any) -> Transitions:
        """Nothing, whatever the readings say."""
        super().score(*readings)
        return no_transitions()


if __name__ == "__main__":
    lane_plan.ChannelRules = BlindRules  # type: ignore[attr-defined]
    sys.exit(main())

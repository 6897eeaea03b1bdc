"""What every generator promises of its seed."""

import numpy as np

from lab.generators.made import Made


def assert_same(made: Made, again: Made, other: Made) -> None:
    """The same seed gives the same to the bit, another one something else."""
    assert made.catalogue == again.catalogue
    assert made.events == again.events
    assert made.parameters == again.parameters
    for name in ("row", "time_ns", "value"):
        assert getattr(made, name).tobytes() == getattr(again, name).tobytes()
    assert made.events != other.events
    assert made.value.tobytes() != other.value.tobytes()
    assert (np.diff(made.time_ns) >= 0).all()
    assert np.isfinite(made.value).all()
    assert made.parameters["seed"] != other.parameters["seed"]

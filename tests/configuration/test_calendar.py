"""The city's calendar reaches every seasonal rule, and mistakes in it are named."""

from pathlib import Path

from configuration.configuration import Configuration
from runtime.installation import CONFIGS
from tests.testkit.city import DUTY
from tests.testkit.config_folder import PACK, findings_of, loaded

SEASONAL = (
    "seasonal:\n  slot: 1 h\n  band: 5 sigma\n  floor: 0.01\n  at_most: yellow\n  duty:\n" + DUTY
)


def test_the_calendar_reaches_a_seasonal_rule_that_has_none_of_its_own(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "water/pressure.yaml": PACK + "\n" + SEASONAL,
        "calendar.yaml": "2026-10-01: sunday\n",
    }
    rule = loaded(tmp_path, files).packs["water.pressure"].rule("seasonal")
    assert rule.calendar == {"2026-10-01": "sunday"}


def test_mistakes_are_named_with_their_place(tmp_path: Path) -> None:
    text = "2026-10-01: sunday\n2026-02-30: sunday\n2026-10-02: holiday\n"
    assert findings_of(tmp_path, {"calendar.yaml": text}) == [
        "calendar.yaml:2:1: 2026-02-30: expected a date such as 2025-10-01, got '2026-02-30'",
        "calendar.yaml:3:13: 2026-10-02: expected a kind of day, got 'holiday'; known are eve, "
        "saturday, sunday, workday",
    ]


def test_the_calendar_that_comes_with_tocsin_is_good() -> None:
    configuration = Configuration.load(CONFIGS, {})
    assert configuration.packs

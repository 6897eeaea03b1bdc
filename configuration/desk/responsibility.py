"""Risk catalogue, plans and responsibilities of the folder `desks`: each once, plans that exist."""

from collections.abc import Sequence
from typing import Protocol

from alarms.duty.responsibility import Party, Plan, Responsibilities, Risk
from configuration.yaml.fill import Page
from configuration.yaml.findings import Path, nearest


class ResponsibilityFile(Protocol):
    """What of a file is about responsibilities."""

    @property
    def risks(self) -> Sequence[Risk]:
        """Entries of the risk catalogue."""

    @property
    def plans(self) -> Sequence[Plan]:
        """Emergency plans."""

    @property
    def responsible(self) -> Sequence[Party]:
        """Who bears which kind of responsibility."""


def responsibilities(files: Sequence[ResponsibilityFile]) -> Responsibilities:
    """Those of all files as one."""
    return Responsibilities(
        [risk for file in files for risk in file.risks],
        [plan for file in files for plan in file.plans],
        [party for file in files for party in file.responsible],
    )


def judge_responsibilities(files: Sequence[tuple[Page, ResponsibilityFile]]) -> None:
    """Note ids and rules that stand twice, and plans that are not there."""
    plans = [plan.id for _, file in files for plan in file.plans]
    seen: set[str] = set()
    for page, file in files:
        for number, plan in enumerate(file.plans):
            _once(page, ("plans", number, "id"), f"the plan {plan.id!r}", seen)
        for number, risk in enumerate(file.risks):
            _once(page, ("risks", number, "id"), f"the risk {risk.id!r}", seen)
            for place, rule in enumerate(risk.rules):
                _once(page, ("risks", number, "rules", place), f"{rule!r} in one risk", seen)
            if risk.plan not in plans:
                path: Path = ("risks", number, "plan")
                page.refuse(path, "a plan's id", risk.plan, nearest(risk.plan, plans))


def _once(page: Page, path: Path, what: str, seen: set[str]) -> None:
    if what in seen:
        page.find(path, f"expected {what}, got it again; keep one")
    seen.add(what)

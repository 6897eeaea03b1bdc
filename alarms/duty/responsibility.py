"""Which catalogued risk an incident is, which plan answers it, and who bears which responsibility.

Chinese administration tells four kinds of responsibility apart: of the territory (属地), of the
industry's department (行业), of the owner or operator (主体), and of supervision (监管).
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from alarms.rationalisation import Text
from contracts.catalogue import Where
from contracts.desk.incident import Responsibility

Kind = Literal["territory", "industry", "owner", "supervision"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Word = Annotated[str, Meta(min_length=1, max_length=128)]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An emergency plan, as the city numbers it.

    Parameters
    ----------
    id : str
    name : Text
    source : str
        Where it is laid down; `[E]` marks an example that a city must confirm.
    """

    id: Word
    name: Text
    source: Annotated[str, Meta(max_length=512)] = ""


class Risk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An entry of the risk catalogue.

    Parameters
    ----------
    id : str
    name : Text
    rules : list of str
        What shows it: a rule as `class/rule`, all rules of a class, or a whole lifeline. Of several
        risks the one that names the rule most narrowly is told.
    plan : str
        Id of the plan that answers it.
    """

    id: Word
    name: Text
    rules: Annotated[list[Word], Meta(min_length=1, max_length=1_000)]
    plan: Word


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who bears a kind of responsibility, for what and where.

    Parameters
    ----------
    kind : {"territory", "industry", "owner", "supervision"}
    name : Text
    area : str
        Code of a district, street or neighbourhood; left out for the city.
    lifelines : list of str
        Left out for all of them.
    """

    kind: Kind
    name: Text
    area: Annotated[str, Meta(max_length=32)] = ""
    lifelines: Annotated[list[Word], Meta(max_length=100)] = []


class Responsibilities:
    """Finds what a city has laid down for an incident.

    Parameters
    ----------
    risks : iterable of Risk
    plans : iterable of Plan
    parties : iterable of Party
        Of several that fit, the one of the smallest area is told; then one for some lifelines
        before one for all, then the first.
    """

    def __init__(
        self,
        risks: Iterable[Risk] = (),
        plans: Iterable[Plan] = (),
        parties: Iterable[Party] = (),
    ) -> None:
        self._risk_of: dict[str, Risk] = {}
        for risk in risks:
            for rule in risk.rules:
                self._risk_of.setdefault(rule, risk)
        self._plans = {plan.id: plan for plan in plans}
        self._parties: dict[tuple[Kind, str], list[Party]] = {}
        for party in parties:
            self._parties.setdefault((party.kind, party.area), []).append(party)

    def __bool__(self) -> bool:
        return bool(self._risk_of or self._parties)

    def of(self, fault: str, where: Where, lifelines: Sequence[str]) -> Responsibility:
        """What is laid down for an incident.

        Parameters
        ----------
        fault : str
            `class/rule` of its first alarm.
        where : Where
        lifelines : sequence of str
        """
        risk = self.risk(fault, lifelines)
        plan = self._plans.get(risk.plan) if risk else None
        parties = {kind: self.party(kind, where, lifelines) for kind in KINDS}
        return Responsibility(
            risk=risk.id if risk else "",
            plan=plan.id if plan else "",
            names={
                key: {"en": name.en, "zh": name.zh}
                for key, name in (
                    ("risk", risk.name if risk else None),
                    ("plan", plan.name if plan else None),
                    *((kind, party.name if party else None) for kind, party in parties.items()),
                )
                if name is not None
            },
        )

    @property
    def rules(self) -> list[str]:
        """Rules, classes and lifelines that risks name."""
        return list(self._risk_of)

    def risk(self, fault: str, lifelines: Sequence[str] = ()) -> Risk | None:
        """Risk that a rule shows: by the rule, by its class, by its lifeline or another of them."""
        class_name = fault.partition("/")[0]
        names = (fault, class_name, class_name.partition(".")[0], *lifelines)
        return next((self._risk_of[name] for name in names if name in self._risk_of), None)

    def bears(self, kind: Kind) -> bool:
        """Whether anybody at all bears a kind of responsibility."""
        return any(key[0] == kind for key in self._parties)

    def party(self, kind: Kind, where: Where, lifelines: Sequence[str]) -> Party | None:
        """Who bears a kind of responsibility for lifelines at a place."""
        for area in (where.neighbourhood, where.street, where.district, ""):
            there = self._parties.get((kind, area), [])
            fit = [p for p in there if not p.lifelines or set(p.lifelines) & set(lifelines)]
            if fit:
                return min(fit, key=lambda party: not party.lifelines)
        return None

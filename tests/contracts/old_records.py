"""Records as an earlier release knew them: a copy that is never changed, for an old consumer.

It is strict about every field that it knows, and passes over the others. Words of enumerations are
texts here: new ones may come.
"""

import msgspec


class OldNext(msgspec.Struct, frozen=True, omit_defaults=True):
    colour: str
    below: float | None = None
    above: float | None = None


class OldWhere(msgspec.Struct, frozen=True):
    district: str
    street: str
    neighbourhood: str
    grid: str
    lon: float | None
    lat: float | None


class OldEvidence(msgspec.Struct, frozen=True):
    channel: str
    topic: str
    partition: int
    first: int
    last: int


class OldRespondTo(msgspec.Struct, frozen=True):
    procedure: str
    first: list[str]


class OldOwnedBy(msgspec.Struct, frozen=True):
    level: str
    role: str
    acknowledge_by: str
    then: str


class OldRungBy(msgspec.Struct, frozen=True):
    name: str
    at: str
    source: str
    config: str


class OldAlarm(msgspec.Struct, frozen=True):
    id: str
    revision: int
    state: str
    colour: str
    was: str
    lifeline: str
    channel: str
    group: str
    onset: str
    detected: str
    say: dict[str, str]
    observed: float | None
    expected: float | None
    band: list[float] | None
    unit: str
    next: OldNext | None
    where: OldWhere
    criticality: str
    evidence: list[OldEvidence]
    cause: str
    consequence: str
    respond: OldRespondTo
    owner: OldOwnedBy
    rule: OldRungBy


class OldWhy(msgspec.Struct, frozen=True, omit_defaults=True):
    how: str
    by: str = ""
    edge: str = ""
    hops: int = 0
    delay_s: int = 0
    weight: float = 1.0


class OldMember(msgspec.Struct, frozen=True):
    alarm: str
    asset: str
    channel: str
    lifeline: str
    colour: str
    worst: str
    state: str
    onset: str
    why: OldWhy


class OldCause(msgspec.Struct, frozen=True):
    asset: str
    lifeline: str
    kind: str
    alarm: str
    hypothesis: dict[str, str]
    weight: float


class OldImpact(msgspec.Struct, frozen=True):
    people: int
    in_30_min: int
    in_60_min: int
    critical: list[str]


class OldNextLoss(msgspec.Struct, frozen=True):
    asset: str
    lifeline: str
    edge: str
    earliest: str
    latest: str
    probability: float
    people: int


class OldRedundancy(msgspec.Struct, frozen=True):
    asset: str
    group: str
    left: list[str]


class OldSituation(msgspec.Struct, frozen=True):
    id: str
    opened: bool
    state: str
    colour: str
    worst: str
    raised: list[str]
    title: dict[str, str]
    lifelines: list[str]
    where: OldWhere
    root: OldCause | None
    alternatives: list[OldCause]
    members: list[OldMember]
    counts: dict[str, int]
    impact: OldImpact
    next: list[OldNextLoss]
    redundancy: list[OldRedundancy]
    onset: str
    detected: str
    life_safety: bool
    merged_into: str = ""
    split_from: str = ""


class OldStep(msgspec.Struct, frozen=True, omit_defaults=True):
    at: str
    what: str
    by: str
    role: str = ""
    reason: str = ""
    command: str = ""


class OldTicket(msgspec.Struct, frozen=True):
    state: str
    owner: str
    joint: list[str]
    acknowledged: bool
    verdict: str
    history: list[OldStep]


class OldClockState(msgspec.Struct, frozen=True):
    level: str
    desk: str
    acknowledge_by: str
    escalates_to: str
    fired: str = ""
    late: bool = False


class OldIncident(msgspec.Struct, frozen=True):
    id: str
    revision: int
    reason: str
    at: str
    situation: OldSituation
    ticket: OldTicket
    clocks: list[OldClockState]
    drill: bool
    config: str


class OldWithheld(msgspec.Struct, frozen=True):
    by: str
    until: str = ""
    detail: str = ""


class OldNotice(msgspec.Struct, frozen=True):
    id: str
    incident: str
    alarm: str
    revision: int
    desk: str
    level: str
    to: list[str]
    reason: str
    colour: str
    at: str
    text: dict[str, str]
    withheld: OldWithheld | None = None
    drill: bool = False
    late: bool = False

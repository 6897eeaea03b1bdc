"""Receivers of notices as they are configured: data alone."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from contracts.desk.notice import Notice, NoticeReason
from contracts.kafka import Secret
from contracts.quantities import Duration

HEARTBEAT: Final = "heartbeat"
Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]
Colour = Literal["blue", "yellow", "orange", "red"]


class AlertmanagerTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An Alertmanager, told by its API v2.

    Parameters
    ----------
    url : str
        Its root, without `/api/v2`.
    resend : Duration
        How often what is open is told again; it ends by itself three times as long after the last.
    labels : dict of str to str
        Labels of each alert beside `alertname`, `incident`, `desk`, `level`, `drill`.
    timeout : Duration
        Of one request.
    """

    url: Url
    resend: Duration = Duration("1 min")
    labels: dict[str, str] = {}
    timeout: Duration = Duration("10 s")


class WebhookTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An address that takes webhooks signed after the Standard Webhooks specification.

    Parameters
    ----------
    url : str
    secrets : list of Secret
        Each `whsec_` and base64 of 24 to 64 bytes. A request carries one signature for each: to
        change a key, add the new one, let the receiver take it, and take the old one away.
    timeout : Duration
        Of one request.
    retry : list of Duration
        Delays before each further try; after the last a notice is given up.
    """

    url: Url
    secrets: Annotated[list[Secret], Meta(min_length=1, max_length=5)]
    timeout: Duration = Duration("15 s")
    retry: Annotated[list[Duration], Meta(min_length=1, max_length=30)] = msgspec.field(
        default_factory=lambda: [
            Duration(text) for text in ("5 s", "5 min", "30 min", "2 h", "5 h", "10 h", "14 h")
        ]
    )


class Duties(NamedTuple):
    """What a desk answers for, as messages about it name it.

    Parameters
    ----------
    area : str
        Code of its area, empty for a desk of all areas of its level.
    names : mapping of str to str
        Of the area, by language; empty where nobody has named it.
    lifelines : tuple of str
        Empty for a desk of all of them.
    """

    area: str
    names: Mapping[str, str]
    lifelines: tuple[str, ...]


class CapTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where messages of the Common Alerting Protocol 1.2 go: a folder, an address, or both.

    Parameters
    ----------
    sender : str
        Who sends them, as CAP wants it: unique, such as `tocsin@city.example`.
    folder : str or None
        Gets one file a message.
    url : str or None
        Each message is sent there by POST.
    status : str
        Of what is no drill; a drill is `Exercise`.
    timeout : Duration
        Of one request.
    """

    sender: Annotated[str, Meta(min_length=1, max_length=200)]
    folder: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    url: Url | None = None
    status: Literal["Actual", "System", "Test", "Draft"] = "Actual"
    timeout: Duration = Duration("15 s")


class Receiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is told of which notices, and how: exactly one of `alertmanager`, `webhook`, `cap`.

    Parameters
    ----------
    id : str
        Never used for another: its receipts say where it goes on.
    desks, levels, colours, reasons : list of str
        Of which notices; an empty list means all, but heartbeats come to whom names them alone.
    drills : bool
        Whether it hears of drills.
    late_after : Duration
        From which age on a notice is told as late.
    alertmanager : AlertmanagerTarget or None
    webhook : WebhookTarget or None
    cap : CapTarget or None
    """

    id: Name
    desks: list[Name] = []
    levels: list[Name] = []
    colours: list[Colour] = []
    reasons: list[NoticeReason] = []
    drills: bool = True
    late_after: Duration = Duration("1 min")
    alertmanager: AlertmanagerTarget | None = None
    webhook: WebhookTarget | None = None
    cap: CapTarget | None = None

    def wants(self, notice: Notice) -> bool:
        """Whether it is to be told; what is withheld is never told."""
        return (
            notice.withheld is None
            and (self.drills or not notice.drill)
            and (not self.desks or notice.desk in self.desks)
            and (not self.levels or notice.level in self.levels)
            and (not self.colours or notice.colour in self.colours)
            and (notice.reason in self.reasons if self.reasons else notice.reason != HEARTBEAT)
        )

"""Names of the topics that rooms and neighbours meet at."""

import msgspec


class TopicNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Topic names of one installation.

    Parameters
    ----------
    prefix : str
        First part of every name: two installations on one cluster differ in it.

    Examples
    --------
    >>> TopicNames().telemetry("water"), TopicNames("east").dead_letters
    ('tocsin.telemetry.water', 'east.dead-letters')
    """

    prefix: str = "tocsin"

    def telemetry(self, lifeline: str) -> str:
        """Readings in; partition p belongs to lane p, here and in the next four."""
        return f"{self.prefix}.telemetry.{lifeline}"

    def commands(self, lifeline: str) -> str:
        """Operators' commands in."""
        return f"{self.prefix}.commands.{lifeline}"

    def journal(self, lifeline: str) -> str:
        """The lanes' second input, written by themselves."""
        return f"{self.prefix}.journal.{lifeline}"

    def manifests(self, lifeline: str) -> str:
        """Which snapshot of a lane counts."""
        return f"{self.prefix}.manifests.{lifeline}"

    def alarms(self, lifeline: str) -> str:
        """Alarm revisions out, and the lanes' marks."""
        return f"{self.prefix}.alarms.{lifeline}"

    @property
    def shadow(self) -> str:
        """What shadows would have rung, of all lanes."""
        return f"{self.prefix}.shadow"

    @property
    def dead_letters(self) -> str:
        """What was refused, of all lanes."""
        return f"{self.prefix}.dead-letters"

    @property
    def incidents(self) -> str:
        """Revisions of incidents, and the desk stage's marks."""
        return f"{self.prefix}.incidents"

    @property
    def notices(self) -> str:
        """Who was told what, who was not, and why not."""
        return f"{self.prefix}.notices"

    @property
    def receipts(self) -> str:
        """What became of each notice at each receiver."""
        return f"{self.prefix}.receipts"

    @property
    def current(self) -> str:
        """Newest revision of every open alarm with its answer; compacted."""
        return f"{self.prefix}.alarms.current"

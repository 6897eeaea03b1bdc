"""A configuration with what the command line changes of a process's settings."""

import argparse
import logging
from typing import TYPE_CHECKING

import msgspec

from configuration.checks.kafka import PRODUCTION, plain_text
from configuration.settings import BOOTSTRAP, Settings, is_bootstrap, shown_bootstrap
from contracts.errors import ConfigError

if TYPE_CHECKING:  # loads numba
    from configuration.configuration import Configuration

log = logging.getLogger("tocsin.settings")


def settled(arguments: argparse.Namespace) -> "Configuration":
    """The configuration with what the command line changes of the worker's own settings."""
    # Not above: the console needs settings alone, and no rules.
    from configuration import bundle_store  # noqa: PLC0415 - loads numba
    from configuration.configuration import Configuration  # noqa: PLC0415 - loads numba

    if "state" in arguments:
        wanted = _each_once(arguments.lifeline) if isinstance(arguments.lifeline, list) else None
        configuration = bundle_store.load(arguments.configs, arguments.state, lifelines=wanted)
    else:
        configuration = Configuration.load(arguments.configs)
    return configuration.with_settings(changed(configuration.settings, arguments))


def changed(settings: Settings, arguments: argparse.Namespace) -> Settings:
    """Settings with what the command line changes of them.

    Warns where brokers beyond this machine would be spoken to in the clear.
    """
    settings = _at(settings, arguments.bootstrap)
    if getattr(arguments, "state", None):
        settings = msgspec.structs.replace(settings, state=arguments.state)
    if getattr(arguments, "port", None) is not None:
        http = msgspec.structs.replace(settings.http, port=arguments.port)
        settings = msgspec.structs.replace(settings, http=http)
    if broker := settings.kafka.exposed():
        log.warning(
            "kafka.security_protocol: %s to %s, whoever is on the way reads and changes what is "
            "said; set SSL or SASL_SSL, see docs/security.md",
            settings.kafka.security_protocol,
            broker,
        )
    return settings


def _each_once(lifelines: list[str]) -> set[str]:
    """The lifelines of one process: two workers of one would own its lanes against each other."""
    if twice := sorted({name for name in lifelines if lifelines.count(name) > 1}):
        msg = f"--lifeline: expected each one once, got {', '.join(twice)} again; leave it out"
        raise ConfigError(msg)
    return set(lifelines)


def _at(settings: Settings, bootstrap: str | None) -> Settings:
    """Settings with other brokers, if any are named."""
    if bootstrap is None:
        return settings
    if not is_bootstrap(bootstrap):
        shown, advice = shown_bootstrap(bootstrap)
        msg = f"--bootstrap: expected {BOOTSTRAP}, got {shown!r}; {advice or 'correct the address'}"
        raise ConfigError(msg)
    kafka = msgspec.structs.replace(settings.kafka, bootstrap=bootstrap)
    if settings.profile == PRODUCTION and (refused := plain_text(kafka)):
        msg = f"--bootstrap: {refused}"
        raise ConfigError(msg)
    return msgspec.structs.replace(settings, kafka=kafka)

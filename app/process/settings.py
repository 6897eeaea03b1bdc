"""A configuration with what the command line changes of a worker's settings."""

import argparse

import msgspec

from configuration import bundle_store
from configuration.configuration import Configuration
from configuration.settings import BOOTSTRAP, Settings, is_bootstrap
from contracts.errors import ConfigError


def settled(arguments: argparse.Namespace) -> Configuration:
    """The configuration with what the command line changes of the worker's own settings."""
    if "state" in arguments:
        wanted = _each_once(arguments.lifeline) if isinstance(arguments.lifeline, list) else None
        configuration = bundle_store.load(arguments.configs, arguments.state, lifelines=wanted)
    else:
        configuration = Configuration.load(arguments.configs)
    configuration = _at(configuration, arguments.bootstrap)
    settings: Settings = configuration.settings
    if getattr(arguments, "state", None):
        settings = msgspec.structs.replace(settings, state=arguments.state)
    if getattr(arguments, "port", None) is not None:
        http = msgspec.structs.replace(settings.http, port=arguments.port)
        settings = msgspec.structs.replace(settings, http=http)
    return configuration.with_settings(settings)


def _each_once(lifelines: list[str]) -> set[str]:
    """The lifelines of one process: two workers of one would own its lanes against each other."""
    if twice := sorted({name for name in lifelines if lifelines.count(name) > 1}):
        msg = f"--lifeline: expected each one once, got {', '.join(twice)} again; leave it out"
        raise ConfigError(msg)
    return set(lifelines)


def _at(configuration: Configuration, bootstrap: str | None) -> Configuration:
    """The configuration with other brokers, if any are named."""
    if bootstrap is None:
        return configuration
    if not is_bootstrap(bootstrap):
        msg = f"--bootstrap: expected {BOOTSTRAP}, got {bootstrap!r}; correct the address"
        raise ConfigError(msg)
    kafka = msgspec.structs.replace(configuration.settings.kafka, bootstrap=bootstrap)
    settings = msgspec.structs.replace(configuration.settings, kafka=kafka)
    return configuration.with_settings(settings)

"""`tocsin new class`: the files of a class that begins, and what is to be done with them."""

import argparse
import sys

from configuration.checks.pack import CLASS
from configuration.pack import RULES
from configuration.yaml.findings import nearest
from contracts.errors import ConfigError
from contracts.quantities import Duration
from lab.new_class.skeleton import NewClass, class_text, tests_text
from runtime.exit_codes import GOOD


def new_class(arguments: argparse.Namespace) -> int:
    """Write a class file and the tests beside it, and say what comes next.

    Raises
    ------
    ConfigError
        When a word is not what it should be, or a file is there already.
    """
    new = _asked(arguments)
    lifeline, _, quantity = new.name.partition(".")
    folder = arguments.config / lifeline
    files = {
        folder / f"{quantity}.yaml": class_text(new),
        folder / f"{quantity}.test.yaml": tests_text(new),
    }
    for path in files:
        if path.exists():
            msg = f"{path}: expected no file yet, got one; name another class or move it away"
            raise ConfigError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write("\n".join([f"written {' and '.join(map(str, files))}", *_next(new)]) + "\n")
    return GOOD


def _asked(arguments: argparse.Namespace) -> NewClass:
    """What was asked for, once it is seen that it can be a class."""
    name, (low, high) = arguments.name, arguments.range
    if not arguments.config.is_dir():
        msg = f"{arguments.config}: expected a configuration folder, got none; name another"
        raise ConfigError(msg)
    if not CLASS.fullmatch(name):
        msg = f"new class: expected a name such as 'water.sump_level', got {name!r}"
        raise ConfigError(msg)
    if not low < high:
        msg = f"--range: expected the smallest value, then the largest, got {low:g} {high:g}"
        raise ConfigError(msg)
    try:
        Duration(arguments.period)
    except ValueError:
        msg = f"--period: expected {Duration.EXPECTED}, got {arguments.period!r}"
        raise ConfigError(msg) from None
    for rule in arguments.rules:
        if rule not in RULES:
            msg = f"--rules: expected a kind of rule, got {rule!r}; {nearest(rule, RULES)}"
            raise ConfigError(msg)
    lifeline, _, quantity = name.partition(".")
    channel = arguments.channel or f"{lifeline}.first.{quantity}"
    rules = list(dict.fromkeys(arguments.rules))
    return NewClass(name, arguments.unit, arguments.period, (low, high), rules, channel)


def _next(new: NewClass) -> list[str]:
    """What its engineer does with them."""
    lifeline = new.name.partition(".")[0]
    asset = new.channel.removeprefix(f"{lifeline}.").rpartition(".")[0] or new.channel
    return [
        "next, fill in what `tocsin check` names, and give the catalogue a channel of the class:",
        "id,class,asset,group",
        f"{new.channel},{new.name},{asset},{lifeline}.{asset}",
    ]

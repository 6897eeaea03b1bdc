"""The command line as a person meets it: help that teaches, completion, interrupts, colour."""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import commands, main
from app.cli.parser import parser
from contracts.records import Records
from lab.reports.progress import Progress
from lab.reports.terminal import colours, draws
from runtime.installation import HOME

pytestmark = pytest.mark.slow

ROOT = HOME
TOCSIN = str(Path(sys.executable).with_name("tocsin"))
AWAY = "127.0.0.1:9"  # the discard port: nobody listens


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def names() -> list[str]:
    return sorted(commands.COMMANDS)


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        main.main([command, "--help"])
    assert exit_.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", names())
def test_the_help_of_each_command_ends_with_an_example_that_is_understood(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, head, example = help_of(command, capsys).strip().splitlines()
    assert head == "Example:"
    words = shlex.split(re.sub(r"^source <\((.*)\)$", r"\1", example.strip()))
    words = words[: words.index(">")] if ">" in words else words
    assert words[:2] == ["tocsin", command]
    assert parser().parse_args(words[1:]).command == command


def completed(line: str, folder: Path) -> set[str]:
    """What a real bash offers behind a line."""
    script = subprocess.run(
        [TOCSIN, "completion", "bash"], capture_output=True, text=True, check=True
    ).stdout
    words = line.split(" ")
    ask = f"""
        COMP_WORDS=({" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}
        _shtab_tocsin tocsin {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    answer = subprocess.run(
        ["bash", "--norc", "-c", script + ask],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not answer.stderr, answer.stderr
    return set(answer.stdout.split())


def test_bash_completes_commands_options_choices_and_files(tmp_path: Path) -> None:
    (tmp_path / "month.jsonl").touch()
    assert set(names()) <= completed("tocsin ", tmp_path)
    assert {"--journal", "--json"} <= completed("tocsin replay --j", tmp_path)
    assert completed("tocsin schema al", tmp_path) == {"alarm"}
    assert completed("tocsin replay mon", tmp_path) == {"month.jsonl"}


def test_zsh_gets_a_script_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("#compdef tocsin")


@pytest.mark.parametrize("command", ["demo", "check", "topics"])
def test_an_interrupt_while_loading_is_one_line_at_any_moment(command: str, tmp_path: Path) -> None:
    heard = 0
    for after_s in (0.06, 0.1, 0.2, 0.3, 1.0):
        with subprocess.Popen(
            [TOCSIN, command],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        ) as process:
            time.sleep(after_s)
            if process.poll() is not None:
                continue
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        said = [*out.strip().splitlines()[-1:], *err.strip().splitlines()]
        # On a busy machine Python may not have begun with our code, or still import `signal`.
        assert not re.search(r'/app/\S+", line \d+, in (?!<module>)', err)
        assert process.returncode in {0, 1, -signal.SIGINT}, (after_s, out, err)
        heard += any("interrupted" in line for line in said)
    assert heard


@pytest.mark.parametrize("words", [["demo"], ["topics", "--create"]])
def test_brokers_that_are_away_are_one_line_and_the_end(words: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [TOCSIN, *words, "--bootstrap", AWAY],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,  # it takes six seconds, seven times as long where seven others compute
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line == (
        f"tocsin {words[0]}: {AWAY}: expected Kafka brokers to answer, got KafkaConnectionError; "
        "look at the address"
    )


@pytest.mark.parametrize(
    ("term", "no_color", "drawn", "coloured"),
    [
        ("xterm-256color", None, True, True),
        ("xterm-256color", "", True, True),
        ("xterm-256color", "1", True, False),
        ("dumb", None, False, False),
        (None, None, False, False),
    ],
)
def test_a_terminal_gets_what_it_can_show(
    term: str | None,
    no_color: str | None,
    drawn: bool,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("TERM", term), ("NO_COLOR", no_color)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert (draws(Terminal()), colours(Terminal())) == (drawn, coloured)
    assert not draws(io.StringIO())


def records(count: int) -> Records:
    return Records.of([(offset, 1_000 * offset, b"{}") for offset in range(count)])


def test_progress_is_drawn_over_itself_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("lab.reports.progress.EVERY_S", 0.0)
    out = Terminal()
    progress = Progress("replay", 200, out, piped=False)
    passed = list(progress.over([records(100), records(100)]))
    assert (len(passed), progress.taken) == (2, 200)
    progress.clear()
    said = out.getvalue()
    assert "replay: 50%, 1970-01-01" in said
    assert said.endswith("\r\x1b[K")
    assert "\n" not in said


def test_a_pipe_that_asked_for_no_progress_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.reports.progress.EVERY_S", 0.0)
    out = io.StringIO()
    progress = Progress("replay", 200, out, piped=False)
    list(progress.over([records(200)]))
    progress.clear()
    assert not out.getvalue()

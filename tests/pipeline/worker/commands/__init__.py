"""Tests of commands to a lane: `pipeline/worker/command_judge.py` and `shadow_commands.py`."""

"""Tests of how a lane comes back: `pipeline/worker/lane_runner.py` and what it reads."""

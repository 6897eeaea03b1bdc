"""Tests of `lab/backtest`."""

"""`tocsin backtest`: months of readings through the lanes, against known events."""

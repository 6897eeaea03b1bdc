"""What reports and terminals share: tables, plots, style, progress."""

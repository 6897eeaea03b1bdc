"""What every kind of rule builds on: rows, levels, neighbours, days."""

"""YAML as data with places: strict reading, units, overrides, findings."""

"""Tests of `configuration/yaml`."""

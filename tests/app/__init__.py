"""Tests of configuration: places, packs, settings, catalogues, bundles."""

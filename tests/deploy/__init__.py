"""Tests of what watches the pipeline."""

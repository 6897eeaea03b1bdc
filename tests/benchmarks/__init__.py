"""Benchmarks can start; what they measure is their own business."""

"""Produce and consume loops: reading lines, batching, delivery reports, shutdown."""

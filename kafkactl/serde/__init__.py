"""Bytes <-> values, by format name."""

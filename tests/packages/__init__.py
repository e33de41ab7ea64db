"""Wheels and source distributions, built and installed as users do it."""

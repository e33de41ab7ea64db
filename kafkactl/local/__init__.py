"""Temporary local clusters from compose/, on a Docker engine or as native Java processes."""

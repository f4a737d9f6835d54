"""Lifecycle, timeline, clocks."""

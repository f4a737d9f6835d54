"""Markdown to plan. Pure."""

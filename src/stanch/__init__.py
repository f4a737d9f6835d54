"""Stanch: incident playbooks in plain Markdown, run."""

__version__ = "0.1.0"

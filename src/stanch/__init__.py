"""Stanch: incident playbooks in plain Markdown, run."""

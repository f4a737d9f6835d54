"""Runs, approvals, controls, actions."""

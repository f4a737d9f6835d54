"""Paging, outbox, channels."""

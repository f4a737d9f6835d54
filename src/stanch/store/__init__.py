"""Rows: tables, engine, migrations."""

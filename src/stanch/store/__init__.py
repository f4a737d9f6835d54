"""Rows: one SQLAlchemy Core layer over SQLite (embedded) and PostgreSQL (several replicas)."""

"""Outside systems, one file each, with its own settings record."""

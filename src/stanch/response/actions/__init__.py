"""One file an action: do, verify, undo."""

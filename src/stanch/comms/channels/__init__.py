"""One file a way to reach people."""

"""What a shell command does: parsed, rated by its worst part. Pure."""

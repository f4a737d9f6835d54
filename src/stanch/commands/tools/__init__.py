"""One argv grammar a tool; the file's name is the tool's."""

"""One file a check; the file's name is its code, its docstring its user page."""

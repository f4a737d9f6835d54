"""One file a cause; the file's name is its id, its docstring its user page."""

"""The vocabulary as data: signals and actions, with the phrases people use for them."""

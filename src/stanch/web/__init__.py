"""HTTP: the console and the API."""

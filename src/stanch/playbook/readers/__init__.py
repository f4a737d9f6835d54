"""One reader a construct."""

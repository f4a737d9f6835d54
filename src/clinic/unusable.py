"""What stops a start."""


class Unusable(Exception):
    """It cannot be done here; the message is one sentence for a person, with what to do."""

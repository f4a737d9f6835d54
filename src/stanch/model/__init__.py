"""The records and protocols everything else speaks in: frozen, no I/O, no third-party imports."""

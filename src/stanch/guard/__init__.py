"""An ASGI middleware for the protected application; imports nothing of Stanch but the model."""

from stanch.guard.middleware import Guard

__all__ = ["Guard"]

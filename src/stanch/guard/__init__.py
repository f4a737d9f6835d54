"""An ASGI middleware for the protected application; imports nothing but the model."""

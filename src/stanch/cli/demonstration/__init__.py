"""The demo: the clinic breaks for real, and Stanch is watched at work."""

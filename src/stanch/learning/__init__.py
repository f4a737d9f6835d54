"""Reviews drafted from the timeline."""

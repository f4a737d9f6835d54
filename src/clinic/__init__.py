"""The patient: an ordinary appointment-booking application, with its load, its releases and its faults."""

"""Looking for causes: pure functions from evidence to a finding."""

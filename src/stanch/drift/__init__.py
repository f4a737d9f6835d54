"""Whether what playbooks name is still there: probes that only read, a check that is bounded, a nightly round."""

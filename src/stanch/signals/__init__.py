"""Scraping, windows, rules, PromQL."""

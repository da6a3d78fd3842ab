"""Scenarios over years: solving them side by side, and what they say."""

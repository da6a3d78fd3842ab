"""Scenario files, checked and turned into shocks; sweeps and their execution."""

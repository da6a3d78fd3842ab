"""Labelled results: datasets, tables, figures, reports, and the commands that make them."""

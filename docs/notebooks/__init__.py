"""Notebooks as Markdown: run, and what they print written under their blocks, by `python -m docs.notebooks`."""

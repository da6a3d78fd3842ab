"""Run every notebook and write what its blocks print under them: `python -m docs.notebooks` from the root."""

from docs.notebooks.running import NOTEBOOKS, executed

for path in NOTEBOOKS:
    path.write_text(executed(path.read_text(encoding="utf-8"), path.name), encoding="utf-8")
    print(path.name)

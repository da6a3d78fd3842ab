"""Fill in a sheet of the patents' audit, as somebody would by hand: `python -m tests.docs.label SHEET`."""

import csv
import sys
from pathlib import Path


def main(sheet: Path) -> None:
    """Give every patent of the sheet the same label."""
    head, *rows = sheet.read_text(encoding="utf-8").splitlines(keepends=True)
    note, head, rows = (head, rows[0], rows[1:]) if head.startswith("#") else ("", head, rows)
    table = list(csv.reader([head, *rows]))
    at = table[0].index("label")
    for row in table[1:]:
        row[at] = "recycles"
    with sheet.open("w", encoding="utf-8", newline="") as file:
        file.write(note)
        csv.writer(file, lineterminator="\n").writerows(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`run.py patents panel`: patents counted by country, sector, element, year and class, and totals beside them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from typing import Any

from calibration.errors import InputError, Problem
from outputs.arguments import needless

SHOWN = 5  # of what is no country


def run(args: argparse.Namespace) -> int:
    """`patents panel`. Raises InputError."""
    import pandas as pd

    from calibration.evidence.patents import panel
    from calibration.evidence.patents.readers import load_families, read_source
    from calibration.evidence.patents.records import CLASSES
    from outputs import sections
    from outputs.evidence.figures import counts_figure, save
    from outputs.evidence.patents_files import need, read_verdicts, write_frame
    from outputs.pipeline import shown_path

    if not 0 < args.depreciation < 1:
        raise InputError(
            Problem(f"got {args.depreciation}", where="--depreciation", expected="between 0 and 1")
        )
    if args.parts is not None and args.parts < 1:
        raise InputError(
            Problem(f"got {args.parts}", where="--parts", expected="a number of passes, 1 or more")
        )
    if not args.data:
        needless(args, dict.fromkeys(("--map", "--parts"), "totals are read from --data"))
    patents, verdicts = read_verdicts(need(args.out / "verdicts.csv", "patents classify"))
    concordance = panel.read_concordance(args.concordance or panel.SHIPPED)
    countries = panel.country_names()
    counts = panel.count(patents, verdicts, concordance, countries)
    if counts.empty:
        raise InputError(
            Problem("no patent is classified", str(args.out / "verdicts.csv"), where="column status")
        )
    note = [f"sectors by {concordance.source} (status: {concordance.status})"]
    if any(patent.id.startswith("INVENTED-") for patent in patents):
        note.insert(0, "INVENTED patents, which come with the project to show the commands")
    told = list(note)  # what does not go into the figure, too
    if strange := panel.not_codes(patents, countries):
        more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
        told.append(
            f"inventors' countries that are no codes of two letters count as the rest of the world: "
            f"{', '.join(strange[:SHOWN])}{more}"
        )
        print(told[-1], file=sys.stderr)
    if args.data:
        source, passes = read_source(args.map or "plain"), args.parts or 1
        parts = []
        for k in range(passes):
            inside = partial(_in_part, parts=passes, part=k)
            loaded = load_families(source, args.data, part=inside)
            parts.append(panel.count_all(loaded.patents, concordance, countries))
        totals = panel.add_up(parts)
        _need_within(counts, totals, args)
        write_frame(args.out / "totals.csv", totals, told)
    elif (args.out / "totals.csv").exists():
        (args.out / "totals.csv").unlink()
        print(
            "totals.csv of an earlier run is removed: totals of these verdicts need --data", file=sys.stderr
        )
    write_frame(args.out / "counts.csv", counts, told)
    write_frame(args.out / "stocks.csv", panel.stocks(counts, args.depreciation), told)
    left = Counter(v.status for v in verdicts if v.status != "classified")
    print(f"{counts['patents'].sum():.0f} patents counted" + "".join(f", {n} {s}" for s, n in left.items()))
    by_year = counts.groupby(["category", "year"])["patents"].sum()
    years = list(range(int(counts["year"].min()), int(counts["year"].max()) + 1))
    series = {str(c): [float(by_year.get((c, y), 0.0)) for y in years] for c in CLASSES}
    picture = save(counts_figure(years, series, "; ".join(note)), args.out / "counts.png")
    table = pd.DataFrame(
        {"year": years} | {name.replace("_", " "): counted for name, counted in series.items()}
    )
    shown = sections.Part(
        "patents", "Patents on rare earths", notes=told, pictures=[picture], tables={"counts": table}, folder="",
        rows=60,
    )  # fmt: skip
    sections.write(args.out, shown.title, sections.body(shown))
    files = ["counts.csv", "stocks.csv", "counts.png", sections.SECTION, sections.PAGE]
    print(f"written to {shown_path(args.out)}: " + ", ".join([*files, "totals.csv"] if args.data else files))
    return 0


def _in_part(name: str, *, parts: int, part: int) -> bool:
    """Whether a family, by its name, is counted in this pass."""
    from calibration.evidence.patents.panel import part_of

    return part_of(name, parts) == part


def _need_within(counts: Any, totals: Any, args: argparse.Namespace) -> None:
    """Raises InputError where there are more patents on rare earths than patents: then they are of two sources."""
    from calibration.evidence.patents.panel import exceeding

    over = exceeding(counts, totals)
    if len(over):
        first = over.iloc[0]
        where = f"{first['country']}, {first['sector']}, {first['year']}"
        what = f"more patents on rare earths than patents in {len(over)} cells ({where} is the first)"
        expected = f"what `run.py patents classify` wrote of {args.data}"
        raise InputError(Problem(what, str(args.out / "verdicts.csv"), expected=expected))

"""The page docs/results.md, from the tables of variables: `python -m outputs.reference` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from model.variables import RENAMED, VARIABLES, Variable
from outputs.dataset import BASE, EXTRA, LEVELS, base_row, describe
from outputs.facts import OUTCOMES
from outputs.paths import labelled

PAGE = Path(__file__).parents[1] / "docs" / "results.md"

HEAD = """\
# Results

<!-- Made by `python -m outputs.reference`; a test keeps it in step with the code. -->

`python run.py solve NAME` makes the folder `outputs/runs/NAME-ID`. The ID comes from everything that determines
the numbers (the scenario, the calibration and its tables, options, code, lock file, versions), so that no
run is written over another one, and the same inputs give the same bytes. A folder appears whole or not at
all; what a killed run leaves starts with `.partial-`, and `python run.py doctor --clean` deletes it once
nothing in it has changed for a day.

| file | what it holds |
|---|---|
| `results.nc` | every variable below, NetCDF-4: `xarray.open_dataset("results.nc", engine="h5netcdf")` |
| `tables/*.csv` | the same as tables, units in the heads |
| `figures/*.png` | prices, real income, sectors by exposure, research, what decides |
| `parameters.csv` | parameters of the calibration with unit, source, status, and which are soft |
| `scenario.yaml` | the scenario as it was solved; `python run.py solve` takes it, beside your own files that it names |
| `inputs.json` | what the ID is made from |
| `provenance.json` | time, command, machine, commit, status, file hashes: all that differs between equal runs |

`python run.py report RUN` makes one HTML file of it (folders named after it, of a path, a sweep, metrics or evidence,
follow as sections), `python run.py compare RUN RUN` says what differs. Both refuse a folder in
which a file that `provenance.json` lists was changed or deleted, and name the file. Folders of `estimate`, `patents`
and `comovement` hold no hashes of their files and are taken as they are.

Exit codes of every command: 0 done, 1 something was not solved, 2 the input is wrong or is not there, 3 a package is
missing or a file cannot be written (of `doctor`: something is missing or broken), 130 interrupted, 141 the reader of
the output went away.

## Variables

All have the axes `scenario` and `regime` (and `year` along a path) before those given here. A ratio is the
value in the solution over the value in the base year, and 1 for a sector that the region does not have. No
variable ever holds a number that is not finite: such a result is refused. Tonnes and kg are of product as it is
traded (gross weight): oxides; lanthanum and cerium as compounds of 90 % oxide (`reo_content`). Equations and
sections are those of [the model](model.md).
"""

FORCES = """
## What brought a result about

These have the axes `scenario` and `force` before those given here. Forces are `cost` (the shock at
the technology and capacity of the base year), `direction` (own research), `spillovers`, `breadth` and
`capacity`, as far as they act. Their contributions are averaged over all orders of switching them on
(Shapley) and add up to the result of the regime with most forces. `embargo_loss` (`regime`, `region`;
million USD) is the real income that a stop of the restricting regions' exports of elements would cost now,
at the technology reached; its attribute `cut` says whether all of it stops, or nine tenths where a full
embargo has no solution.

`python run.py solve NAME --by-instrument name` (or `type`) adds the same variables ending in `_by_instrument`, with an
axis `instrument`: what each instrument adds with all it does to technology and plant, every set of instruments
solved anew under the regime with most forces; these add up as well. At most six at a time (2^6 equilibria).

`first_order_terms_of_trade` and `first_order_volume_of_trade` are the formula of Caliendo and Parro (2015) by
region, partner and good: exports times the change of own border prices less imports times that of the partner's;
and tariffs and export taxes times the change of the volumes they are paid on. A licence counts as the export tax
it is equivalent to. They are first-order approximations for small shocks, without subsidies, research or new
technology; `first_order.csv` and `python run.py solve NAME --first-order` show their sum beside the exact change, the
equivalent variation.
"""


PATHS = """
## Along a path

`python run.py path NAME` solves a scenario with `horizon: path` and makes the same kind of folder. Its variables
have an axis `year`, and `memory`: `calibrated`, or `even`, the same path with forgetting as fast as learning (E21),
which shows how much of a result rests on the two speeds being different. Contributions by force are of the year's
technology and plant;
contributions by instrument (`--by-instrument`) are of whole paths, every set of instruments simulated from the first
year. Stocks are `stock` (tonnes held at the start of a year, E23);
`stocks.csv` and `quotas.csv` have tonnes by year.

Security is measured at the state of every year, in every regime: what stopping a share of the restricting regions'
exports at once would cost (`cut_loss`; `--cut SHARE`, half by default), what an embargo would cost for good once plant
has followed (`embargo_loss`), the same at the technology of the base year (so that the difference is the loss that
innovation avoids so far), and how many years plant outside takes to follow. `industries.csv` and
`military_equipment.csv` have cost, output and price under both for motor vehicles, electronics, magnets and the bundle
of military equipment by region; `dependence_by_stage.csv`, `dependence_by_element.csv` and `concentration.csv` who
depends on whom. `cut_year` and `embargo_year` are the years in which the cuts, or the embargo, were solved in every
regime, and stand in the place of `year` before the axes given here. For other years tables have gaps (`–`, empty in
CSV), and `note_cut_loss` and `note_embargo_loss`, attributes of the result, say why, a line a year. Where the larger
ones of several cuts were not solved the largest full table of cuts and years is kept.
"""


def page() -> str:
    """The page as Markdown."""
    levels = (
        "\n## The base year\n\nNo further axes. Who restricts, who is exposed, and levels before the shock.\n"
    )
    solved = [row._replace(name=RENAMED.get(row.name, row.name)) for row in (*VARIABLES, *EXTRA)]
    outcomes = [
        f"| `{name}_by_force` | {', '.join(axes)} | {unit} | {text} |"
        for name, (unit, axes, text) in OUTCOMES.items()
    ]
    forces = ["| variable | axes | unit | what |", "|---|---|---|---|", *outcomes]
    base = (*BASE, *(base_row(row) for row in LEVELS))
    path = _table((*labelled.STATE, *(row for rows in labelled.SECURITY.values() for row in rows)))
    return "\n".join([HEAD, *_table(solved), levels, *_table(base), FORCES, *forces, PATHS, *path, ""])


def _table(rows: Iterable[Variable]) -> list[str]:
    lines = ["| variable | axes | unit | equation | what |", "|---|---|---|---|---|"]
    for row in rows:
        about = describe(row)
        cells = (
            f"`{row.name}`",
            ", ".join(labelled.dims(row)),
            about["units"],
            about["equation"],
            about["description"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

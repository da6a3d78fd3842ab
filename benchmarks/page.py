"""The page of results: every work beside its target, where the time of a solve goes, and how it grows."""

from __future__ import annotations

from typing import Any, NamedTuple

Line = dict[str, Any]

HEAD = """# Benchmarks

Measured by `python benchmarks/run.py --write --source DIR` (DIR: the folder of raw WIOD tables, which are not
shipped), each work in a process of its own with one thread of linear algebra. {machine}
Times are medians with the range of the repeats, and hold for a machine that does nothing else.
At the last run {load}
"""

RESULTS = """
## Results

"Cold" is a base year never seen before: nothing is kept from other solves, and there is no warm-up beyond the import.
Residuals are the largest difference of logs of supply and demand over all markets: 1e-10 or less where the solver is
measured by itself or beside the fixed point, 1e-11, the default, in whole commands. "Processor" is the least
time that the processor spent on the work in any repeat, which says more than the clock when others use the machine.
"Yardstick" is how many milliseconds a fixed loop of NumPy calls took just before and after the work: the speed of a
shared machine changes by half from one minute to the next, and with it all times of that line.

The fixed point beside the model solves the economy and the shock of `trade-wiod-41x35`, in the same process, and is
written three ways: as codes adapted from Caliendo and Parro's have it, which solve one linear system for all spending
in each iteration (`published`); with spending found by iteration, too, which is faster (the one with a target); and
with everything that can be carried over from one iteration to the next (`tuned`).

{table}
{summary}
"""

PHASES = """
## Where the time of a solve goes

Milliseconds of one evaluation of all residuals, of one linearisation, of one product with the Jacobian and of one
renewal of the preconditioner, the best of many; how often each is needed stands in the notes above. The floor of an
evaluation is what reading its weights once takes at 20 GB/s; its flops are those of its matrix products.

{table}
"""

GROWTH = """
## Growth with regions and sectors

Random economies with dense trade, tariffs of 25 % by all on all, cold; memory is that of the whole process, building
the economy included.

{table}
"""


class Target(NamedTuple):
    """What a work must reach: a measure of its line, and its limit."""

    measure: str
    limit: float
    text: str
    at_least: bool = False

    def met(self, line: Line) -> bool:
        """Whether a line reaches it."""
        value = median_of(line) if self.measure == "seconds" else line[self.measure]
        return bool(value >= self.limit if self.at_least else value <= self.limit)


TARGETS = {
    "trade-wiod-41x35": Target("seconds", 0.060, "60 ms"),
    "trade-31x40": Target("seconds", 0.015, "15 ms"),
    "fresh-31x40": Target("seconds", 1.0, "1 s"),
    "trade-100x50": Target("seconds", 0.080, "80 ms"),
    "full-wiod-41x35": Target("seconds", 0.2, "0.2 s"),
    "nested-specific-41x35": Target("seconds", 3.0, "3 s"),
    "default-static": Target("seconds", 0.015, "15 ms"),
    "batch-1000": Target("draws_per_second", 300, "300 draws/s", at_least=True),
    "batch-31x40": Target("seconds", 10.0, "10 s"),
    "fixed-point-rival": Target("ratio", 100, "ratio 100", at_least=True),
    "growth-190x26": Target("peak_mb", 2000, "2 GB"),
    "default-run": Target("seconds", 10.0, "10 s"),
    "path-15y": Target("seconds", 60.0, "60 s"),
    "metrics-wiod": Target("seconds", 20.0, "20 s"),
    "metrics-default": Target("seconds", 3.0, "3 s"),
    "explorer-redraw": Target("seconds", 0.3, "0.3 s"),
    "sweep-10000": Target("seconds", 300.0, "5 min"),
    "pcq-11x11x1": Target("seconds", 0.3, "0.3 s"),
    "pcq-19x19x12": Target("seconds", 4.0, "4 s"),
    "wlmc-336x4": Target("seconds", 0.05, "50 ms"),
}


def page(lines: list[Line], machine: str, load: str) -> str:
    """The page as MyST Markdown."""
    missed = [line["name"] for line in lines if line["name"] in TARGETS and not _met(line)]
    summary = f"Missed: {', '.join(missed)}." if missed else "All targets are met."
    parts = [HEAD.format(machine=machine, load=load), RESULTS.format(table=_results(lines), summary=summary)]
    parts.append(PHASES.format(table=_phases([line for line in lines if "phases" in line])))
    grown = [line for line in lines if "size" in line]
    if grown:
        parts.append(GROWTH.format(table=_growth(sorted(grown, key=lambda line: line["size"]))))
    return "".join(parts)


def median_of(line: Line) -> float:
    """Seconds of a work: the median of its repeats."""
    value = line["seconds"]
    return float("inf") if value is None else float(value["median"] if isinstance(value, dict) else value)


def seconds(line: Line) -> str:
    """Median and spread of a work as text."""
    if line["seconds"] is None:
        return "not measured"
    spread = line["seconds"]["spread"] if isinstance(line["seconds"], dict) else line.get("spread", "")
    spread = f"{spread:.2g}" if isinstance(spread, float) else spread
    return f"{median_of(line):.3g} ({spread})" if spread else f"{median_of(line):.3g}"


def _met(line: Line) -> bool:
    return line["seconds"] is not None and TARGETS[line["name"]].met(line)


def _results(lines: list[Line]) -> str:
    rows = []
    for line in lines:
        target = TARGETS.get(line["name"])
        verdict = "" if target is None else "yes" if _met(line) else "**no**"
        peak = line.get("peak_mb")
        rival = f"{line['rival']}, ratio {line['ratio']:.3g}" if "ratio" in line else ""
        rows.append([
            f"`{line['name']}`", seconds(line), f"{line['processor']:.3g}" if "processor" in line else "",
            "" if target is None else target.text, verdict,
            "" if peak is None else f"{peak:.0f}", f"{line.get('yardstick_ms', '')}", rival, line.get("note", ""),
        ])  # fmt: skip
    head = ["work", "seconds", "processor", "target", "met", "peak MB", "yardstick", "beside", "note"]
    return _table(head, rows)


def _phases(lines: list[Line]) -> str:
    head = {
        "evaluation_ms": "evaluation", "linearisation_ms": "linearisation", "product_ms": "product",
        "factorisation_ms": "renewal", "floor_mb_per_evaluation": "MB read", "mflop_per_evaluation": "Mflop",
        "floor_ms_per_evaluation": "floor of an evaluation",
    }  # fmt: skip
    rows = [[f"`{line['name']}`", *(f"{line['phases'][key]:.3g}" for key in head)] for line in lines]
    return _table(["work", *head.values()], rows)


def _growth(lines: list[Line]) -> str:
    rows = []
    for line in lines:
        regions, sectors = line["size"]
        cells = regions**2 * sectors + regions * sectors**2
        rows.append([
            f"{regions} x {sectors}", f"{regions * sectors:,}", f"{cells / 1e6:.2g}", f"{median_of(line):.3g}",
            f"{1e9 * median_of(line) / cells:.0f}", f"{line['peak_mb']:.0f}",
        ])  # fmt: skip
    return _table(
        ["regions x sectors", "markets", "million cells", "seconds", "ns per cell", "peak MB"], rows
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"

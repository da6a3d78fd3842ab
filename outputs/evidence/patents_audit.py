"""`run.py patents audit`: a sample to be labelled by hand, and what the labels say of the classifier."""

from __future__ import annotations

import argparse
from typing import Any

from calibration.errors import InputError, Problem
from outputs.arguments import needless


def run(args: argparse.Namespace) -> int:
    """`patents audit`. Raises InputError."""
    from calibration.evidence.patents import audit
    from outputs.evidence.figures import confusion_figure, save
    from outputs.evidence.patents_files import need, read_sample, read_verdicts, write_sample
    from outputs.evidence.tables import agreement_with_intervals, kappa, screen, span

    if args.action == "score":
        needless(args, dict.fromkeys(("--size", "--seed"), "the sample to score is drawn already"))
    patents, verdicts = read_verdicts(need(args.out / "verdicts.csv", "patents classify"))
    if args.action == "draw":
        if (args.out / "sample.csv").exists():
            raise InputError(
                f"{args.out / 'sample.csv'} is there already: move it away before drawing another"
            )
        try:
            size = 120 if args.size is None else args.size
            drawn = audit.draw(patents, verdicts, size, seed=args.seed or 0)
        except ValueError as error:
            raise InputError(str(error)) from error
        sheet, key = write_sample(args.out, drawn, patents)
        print(f"{len(drawn)} patents to label in {sheet}; {key.name} is the key, not for those who label")
        return 0
    need(args.out / "sample_key.csv", "patents audit draw")
    drawn, labels = read_sample(args.out)
    said = {v.id: v.category for v in verdicts if v.status == "classified"}
    told = [labels.get(d.id, "") if d.id in said else "" for d in drawn]
    count = sum(map(bool, told))
    if not count:
        raise InputError(Problem("no label yet", str(args.out / "sample.csv"), where="column label"))
    result = audit.score(drawn, [said.get(d.id, "") for d in drawn], told)
    print(f"{count} of {len(drawn)} labelled; weighed up to all patents:")
    if count < len(drawn):
        print("those without a label are taken to be like the others of their class and years")
    if result.left_out:
        print(
            f"no label yet among those drawn as {', '.join(result.left_out)}: nothing is said of them, and all figures "
            "are of the other patents"
        )
    print(screen(agreement_with_intervals(result.agreement, "patents"), digits=2))
    print(
        f"accuracy {result.agreement.accuracy:.3f} (s.e. {result.accuracy_error:.3f}, 95 % "
        f"{span(result.agreement.accuracy_interval)}), " + kappa(result.agreement, 3)
    )
    shares: dict[str, list[Any]] = {
        "class": [s.category for s in result.shares],
        "true share": [s.audited for s in result.shares],
        "s.e.": [s.standard_error for s in result.shares],
        "95 %": [span(s.interval) for s in result.shares],
        "classified share": [s.classified for s in result.shares],
    }
    print(screen(shares))
    save(confusion_figure(result.agreement, "label by hand", "classifier"), args.out / "audit.png")
    return 0

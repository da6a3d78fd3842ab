"""`run.py patents`: classify patents by what they do with rare earths, count them, check the classifier by hand."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from calibration.errors import InputError, Problem
from outputs.arguments import needless

EPILOG = """\
examples:
  python run.py patents classify                                    72 invented patents that come with the project
  python run.py patents classify --map patentsview --data DIR       candidates among US patents, offline classifier
  python run.py patents classify --map my-map.yaml --data FILE --endpoint endpoint.yaml --dry-run   what it would cost
  python run.py patents classify --map my-map.yaml --data FILE --endpoint endpoint.yaml             by a language model
  python run.py patents panel                                       counts and stocks by country, sector, element, year
  python run.py patents panel --map patentsview --data DIR          the same, and totals of all patents beside them
  python run.py patents audit draw --size 200                       a blind sample to label
  python run.py patents audit score                                 what the labels say of the classifier

Column maps that are shipped: patentsview, patstat, google-patents, plain. A key is read from the environment variable
that endpoint.yaml names, never from a file. docs/evidence.md says more.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of `patents`."""
    parser = subparsers.add_parser(
        "patents",
        help="classify patents by what they do with rare earths",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    classify = steps.add_parser("classify", help="choose candidates and classify them")
    _source(classify)
    classify.add_argument(
        "--endpoint", type=Path, metavar="YAML", help="a language model in place of the offline one"
    )
    classify.add_argument("--dry-run", action="store_true", help="say what it would take, ask nothing")
    classify.add_argument("--cache", type=Path, metavar="FILE", help="answers already paid for (SQLite)")
    classify.add_argument(
        "--retry-unclassified", action="store_true", help="ask again where answers were malformed"
    )
    classify.add_argument(
        "--labels", type=Path, metavar="CSV", help="labelled patents to train the offline one on"
    )
    classify.add_argument(
        "--candidates", type=Path, metavar="YAML", help="rules of choice (default: those shipped)"
    )
    classify.add_argument("--all", action="store_true", help="classify every patent, not only candidates")
    panel = steps.add_parser("panel", help="counts and stocks by country, sector, element, year and class")
    _source(panel)
    panel.add_argument("--concordance", type=Path, metavar="FILE", help="CPC to sectors (YAML or CSV)")
    panel.add_argument("--depreciation", type=float, default=0.15, help="of stocks, a year (default 0.15)")
    panel.add_argument("--parts", type=int, help="read totals in so many passes, to save memory (default 1)")
    audit = steps.add_parser("audit", help="check the classifier by hand")
    audit.add_argument("action", choices=("draw", "score"))
    audit.add_argument("--size", type=int, help="patents in the sample to draw (default 120)")
    audit.add_argument("--seed", type=int, help="of the draw (default 0)")
    for one in (classify, panel, audit):
        one.add_argument("--out", type=Path, metavar="DIR", help="default outputs/runs/evidence/patents")


def run(args: argparse.Namespace) -> int:
    """One step."""
    from outputs.evidence import patents_audit, patents_panel
    from outputs.store import RUNS

    args.out = args.out or RUNS / "evidence" / "patents"
    return {"classify": _classify, "panel": patents_panel.run, "audit": patents_audit.run}[args.step](args)


def _source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--map", default=None, metavar="NAME", help="column map: a shipped name or a YAML file"
    )
    parser.add_argument("--data", type=Path, metavar="PATH", help="folder of the tables, or the one file")


def _classify(args: argparse.Namespace) -> int:
    if args.endpoint:
        reasons = {"--labels": "--endpoint takes the place of the offline classifier, which labels train"}
    else:
        reasons = {
            "--dry-run": "the offline classifier costs nothing; only --endpoint does",
            **dict.fromkeys(("--cache", "--retry-unclassified"), "only answers of an --endpoint are kept"),
        }
    if args.all:
        reasons["--candidates"] = "--all takes every patent"
    needless(args, reasons)
    patents, note = _candidates(args)
    print(note, file=sys.stderr)
    if args.endpoint:
        return _by_language_model(args, patents)
    from calibration.evidence.patents.offline import read_labels, shipped_sample, train

    classifier = train(read_labels(args.labels) if args.labels else shipped_sample())
    if not args.labels:
        print(
            "offline classifier, trained on text invented for this project: a start, not evidence (docs/evidence.md)",
            file=sys.stderr,
        )
    verdicts = [verdict for batch in _batches(patents, 200) for verdict in classifier.classify(batch)]
    return _finish(args, patents, verdicts)


def _candidates(args: argparse.Namespace) -> tuple[tuple[Any, ...], str]:
    """The patents to classify, and a line that says where they come from."""
    from calibration.evidence.patents.candidates import SHIPPED, candidate_ids, read_selection
    from calibration.evidence.patents.readers import has_families, load_families, read_source

    source, data = _read_source(args, read_source)
    what = "families" if has_families(source) else "patents"
    if args.all:
        loaded = load_families(source, data)
        note = f"{source.name}: {len(loaded.patents)} {what}"
    else:
        ids, reasons = candidate_ids(source, data, read_selection(args.candidates or SHIPPED))
        loaded = load_families(source, data, ids)
        came = ", ".join(f"{count} by {reason}" for reason, count in reasons.items())
        note = f"{source.name}: {len(loaded.patents)} candidate {what} ({came})"
    left = "".join(f"; {count} left out: {reason}" for reason, count in loaded.skipped.items())
    if not loaded.patents:
        raise InputError(
            f"no candidate in {data}: see calibration/evidence/patents/candidates.yaml, or use --all"
        )
    return loaded.patents, note + left


def _read_source(args: argparse.Namespace, read: Any) -> tuple[Any, Path]:
    from calibration.evidence.shipped import FOLDER

    if args.data is None:
        if args.map is not None:
            raise InputError(Problem("missing", where="--data", expected="the folder or file the map is of"))
        print("no --data: the 72 patents invented for this project", file=sys.stderr)
        return read("plain"), FOLDER / "patent_examples.csv"
    if not args.data.exists():
        raise InputError(Problem("no such file or folder", str(args.data)))
    return read(args.map or "plain"), args.data


def _by_language_model(args: argparse.Namespace, patents: tuple[Any, ...]) -> int:
    from calibration.evidence.patents import language_model
    from calibration.evidence.patents.cache import open_cache
    from calibration.evidence.patents.endpoint import read_endpoint, read_key, read_prompt

    endpoint = read_endpoint(args.endpoint)
    prompt = read_prompt(endpoint.prompt)
    with open_cache(args.cache or args.out / "answers.sqlite") as cache:
        planned = language_model.dry_run(patents, endpoint, prompt, cache, retry=args.retry_unclassified)
        print(
            f"{planned.requests} requests to {endpoint.model} ({planned.cached} answers are at hand): about "
            f"{planned.input_tokens:,} + {planned.output_tokens:,} tokens, USD {planned.cost_usd:.2f}"
            + (f", {planned.minutes:.0f} minutes by the rate limits" if planned.minutes else "")
        )
        if args.dry_run:
            return 0
        if args.retry_unclassified:
            texts, _ = language_model.prepare(patents, endpoint, prompt)
            print(f"{cache.forget_unclassified(texts)} unclassified are asked again", file=sys.stderr)
        from tqdm import tqdm

        with tqdm(total=len(patents), disable=not sys.stderr.isatty(), unit="patent") as bar:
            result = language_model.classify(
                patents, endpoint, prompt, cache, read_key(endpoint), progress=bar.update
            )
    print(
        f"{result.requests} requests, {result.input_tokens:,} + {result.output_tokens:,} tokens, "
        f"USD {result.cost_usd:.2f}; {result.from_cache} patents from the cache"
    )
    code = _finish(args, patents, list(result.verdicts))
    if result.stopped:
        print(f"stopped: {result.stopped}; the same command goes on from here", file=sys.stderr)
    return code


def _finish(args: argparse.Namespace, patents: tuple[Any, ...], verdicts: list[Any]) -> int:
    """Write the verdicts and say what they are; 1 when some patents are still pending."""
    from calibration.evidence.patents.records import CLASSES
    from outputs.evidence.patents_files import write_verdicts
    from outputs.pipeline import shown_path

    path = args.out / "verdicts.csv"
    write_verdicts(path, patents, verdicts)
    by_class = Counter(v.category for v in verdicts if v.status == "classified")
    for name in CLASSES:
        print(f"{name:16} {by_class[name]:6}")
    for status in ("unclassified", "pending"):
        reasons = Counter(v.reason for v in verdicts if v.status == status)
        for reason, count in reasons.most_common():
            print(f"{status:16} {count:6}  {reason}")
    if suspicious := sum(v.suspicious for v in verdicts):
        print(
            f"{'suspicious':16} {suspicious:6}  what read like an instruction was cut out before the text was read"
        )
    _say_agreement(args, verdicts)
    print(f"written to {shown_path(path)}")
    return 1 if any(v.status == "pending" for v in verdicts) else 0


def _say_agreement(args: argparse.Namespace, verdicts: list[Any]) -> None:
    """Agreement with labels, when the data at hand are the examples whose author said what each means."""
    if args.data is not None:
        return
    from calibration.evidence.patents.agreement import agreement, wilson
    from calibration.evidence.shipped import example_labels
    from outputs.evidence.figures import confusion_figure, save
    from outputs.evidence.tables import agreement_with_intervals, kappa, screen, span

    labels = example_labels()
    if not args.all:
        # What the choice of candidates loses is in no verdict, and so in no figure of the classifier.
        relevant = {i for i, label in labels.items() if label != "unrelated"}
        lost = sorted(relevant - {v.id for v in verdicts})
        kept = len(relevant) - len(lost)
        recall = kept / len(relevant)
        print(
            f"candidates: {kept} of the {len(relevant)} patents that are not unrelated, recall {recall:.2f} "
            f"(95 % {span(wilson(recall, len(relevant)))})" + (f"; lost {', '.join(lost)}" if lost else "")
        )
    said = {v.id: v.category for v in verdicts if v.status == "classified"}
    both = [i for i in labels if i in said]
    if not both:
        return
    result = agreement([labels[i] for i in both], [said[i] for i in both])
    print(f"the classifier, on {len(both)} of {len(labels)} patents:")
    print(screen(agreement_with_intervals(result, "labels"), digits=2))
    right = round(result.accuracy * result.labels)
    print(
        f"accuracy {result.accuracy:.2f}, {right} of {result.labels} (95 % {span(result.accuracy_interval)}), "
        + kappa(result, 2)
    )
    save(confusion_figure(result, "label of the author", "classifier"), args.out / "confusion.png")


def _batches(items: tuple[Any, ...], size: int) -> list[tuple[Any, ...]]:
    """Parts of a sequence, with a bar on the terminal."""
    from tqdm import tqdm

    starts = range(0, len(items), size)
    return [items[s : s + size] for s in tqdm(starts, disable=not sys.stderr.isatty(), unit="batch")]

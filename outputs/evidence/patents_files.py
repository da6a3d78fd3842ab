"""Files between the steps of `run.py patents`: verdicts, audit samples, panels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from calibration.errors import InputError, Problem
from calibration.evidence.patents.audit import Drawn
from calibration.evidence.patents.records import APPLICATIONS, CLASSES, Patent, Verdict
from calibration.tables import Column, read_csv, write_csv

STATUSES = ("classified", "unclassified", "pending")


def need(path: Path, command: str) -> Path:
    """The path of what another step writes. Raises InputError when it is not there."""
    if not path.is_file():
        raise InputError(Problem("not there yet", str(path), expected=f"what `run.py {command}` writes"))
    return path


def write_verdicts(path: Path, patents: Sequence[Patent], verdicts: Sequence[Verdict]) -> None:
    """One row per patent with all that later steps need of it, so that they do not read the source again."""
    by_id = {patent.id: patent for patent in patents}
    ordered = sorted(verdicts, key=lambda v: v.id)
    about = [by_id[v.id] for v in ordered]
    write_csv(
        path,
        {
            "id": [v.id for v in ordered],
            "status": [v.status for v in ordered],
            "category": [v.category for v in ordered],
            "elements": [";".join(v.elements) for v in ordered],
            "application": [v.application for v in ordered],
            "confidence": [v.confidence for v in ordered],
            "sentence": [v.sentence for v in ordered],
            "classifier": [v.classifier for v in ordered],
            "reason": [v.reason for v in ordered],
            "suspicious": ["yes" if v.suspicious else "no" for v in ordered],
            "year": [p.year for p in about],
            "cpc": [";".join(p.cpc) for p in about],
            "inventor_country": [";".join(p.inventor_countries) for p in about],
            "title": [p.title for p in about],
            "abstract": [p.abstract for p in about],
        },
    )


def read_verdicts(path: Path) -> tuple[list[Patent], list[Verdict]]:
    """What `write_verdicts` wrote. Raises InputError with the line of everything that is not as it should be."""
    optional = ("elements", "sentence", "reason", "cpc", "inventor_country", "title", "abstract")
    columns = [
        Column("id"),
        Column("status", valid=STATUSES),
        Column("category", valid=CLASSES, required=False),
        Column("application", valid=APPLICATIONS, required=False),
        Column("confidence", "number", minimum=0, maximum=1),
        Column("classifier"),
        Column("year", "integer"),
        Column("suspicious", valid=("yes", "no"), required=False),
        *(Column(name, required=False) for name in optional),
    ]
    t = read_csv(path, columns, key=("id",))
    patents, verdicts = [], []
    for k in range(len(t)):
        patents.append(
            Patent(
                t["id"][k],
                t["title"][k],
                t["abstract"][k],
                int(t["year"][k]),
                _several(t["cpc"][k]),
                _several(t["inventor_country"][k]),
            )
        )
        verdicts.append(
            Verdict(
                t["id"][k],
                t["status"][k],
                t["category"][k],
                _several(t["elements"][k]),
                t["application"][k],
                float(t["confidence"][k]),
                t["sentence"][k],
                t["classifier"][k],
                t["reason"][k],
                "suspicious" in t.columns and t["suspicious"][k] == "yes",
            )
        )
    return patents, verdicts


def write_sample(folder: Path, drawn: Sequence[Drawn], patents: Sequence[Patent]) -> tuple[Path, Path]:
    """The sheet to label, which does not say what the classifier found, and the key to it."""
    by_id = {patent.id: patent for patent in patents}
    sheet, key = folder / "sample.csv", folder / "sample_key.csv"
    write_csv(
        sheet,
        {
            "id": [d.id for d in drawn],
            "title": [by_id[d.id].title for d in drawn],
            "abstract": [by_id[d.id].abstract for d in drawn],
            "label": ["" for _ in drawn],
        },
        comments=[f"label: one of {', '.join(CLASSES)}; leave empty what cannot be told"],
    )
    write_csv(
        key,
        {
            "id": [d.id for d in drawn],
            "stratum": [d.stratum for d in drawn],
            "weight": [d.weight for d in drawn],
        },
        comments=["do not show to those who label"],
    )
    return sheet, key


def read_sample(folder: Path) -> tuple[list[Drawn], dict[str, str]]:
    """The sample's key, and the labels there are by id. Raises InputError."""
    key = read_csv(
        folder / "sample_key.csv",
        [Column("id"), Column("stratum"), Column("weight", "number", minimum=0)],
        key=("id",),
    )
    columns = [Column("id"), Column("title", required=False), Column("abstract", required=False)]
    sheet = read_csv(
        folder / "sample.csv", [*columns, Column("label", valid=CLASSES, required=False)], key=("id",)
    )
    labels = {i: label for i, label in zip(sheet["id"], sheet["label"], strict=True) if label}
    drawn = [Drawn(i, s, float(w)) for i, s, w in zip(key["id"], key["stratum"], key["weight"], strict=True)]
    return drawn, labels


def write_frame(path: Path, frame: pd.DataFrame, comments: Sequence[str] = ()) -> None:
    """A data frame as CSV."""
    write_csv(path, {str(name): frame[name].tolist() for name in frame.columns}, comments=comments)


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split(";") if part)

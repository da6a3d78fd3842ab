"""Patents from any source, by a column map in YAML: PatentsView, PATSTAT, Google Patents, one's own table.

Tables are streamed, once to find the candidates, once to collect them, and those that name families twice more in
between, so that a table of fifty million rows needs memory for the candidates and their families only. CSV, TSV, JSON
lines and Parquet, packed by gzip or zip or not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from calibration.errors import InputError, Problem, unknown_name
from calibration.evidence.patents.raw_tables import FORMATS, format_of, records
from calibration.evidence.patents.records import Patent
from calibration.strict_yaml import load as load_yaml
from calibration.validate import Schema, validate

SHIPPED = Path(__file__).parent / "sources"
# What a patent has once, and what it may have several of.
SINGLE = ("title", "abstract", "year", "family")
SEVERAL = ("cpc", "country")
MAX_PROBLEMS = 20
REQUIRED = "required"


class Lookup(Schema):
    """A second table that turns a code into a value, as a location's code into its country."""

    file: str
    key: str
    value: str


class SourceTable(Schema):
    """One table of a source: its file (wildcards allowed) and which column holds what. `a.*.b` goes into
    nested JSON. required: patents without a row here, or without one that `where` lets pass, are left out.
    """

    file: str
    id: str
    title: str | None = None
    abstract: str | None = None
    year: str | None = None
    family: str | None = None
    cpc: str | None = None
    country: str | None = None
    country_lookup: Lookup | None = None
    separator: str | None = None
    where: dict[str, list[str]] = {}
    where_not: dict[str, list[str]] = {}
    required: bool = False

    @field_validator("separator")
    @classmethod
    def _not_empty(cls, value: str | None) -> str | None:
        if value == "":
            raise ValueError("an empty separator")
        return value

    @property
    def columns(self) -> dict[str, str]:
        """What is read from where: field -> column."""
        return {name: column for name in (*SINGLE, *SEVERAL) if (column := getattr(self, name))}


class Source(Schema):
    """A column map: the tables of one patent database."""

    name: str
    tables: list[SourceTable]

    @model_validator(mode="after")
    def _complete(self) -> Source:
        fields = {field for table in self.tables for field in table.columns}
        missing = [field for field in ("title", "year") if field not in fields]
        if missing:
            raise ValueError(f"no table has the column of {' and '.join(missing)}")
        return self


@dataclass(frozen=True, slots=True)
class Loaded:
    """Patents as read, in order of their id, and how many were left out for want of a row, a year or any text."""

    patents: tuple[Patent, ...]
    skipped: dict[str, int]


def read_source(name_or_path: str | Path) -> Source:
    """A column map: one of those shipped, by name, or a YAML file of one's own. Raises InputError."""
    path = Path(name_or_path)
    if not path.suffix:
        shipped = {p.stem: p for p in SHIPPED.glob("*.yaml")}
        if str(name_or_path) not in shipped:
            raise InputError(unknown_name("column map", name_or_path, sorted(shipped)))
        path = shipped[str(name_or_path)]
    return validate(Source, load_yaml(path))


def rows_of(source: Source, folder: str | Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """(patent id, field -> values) of every row of every table, in the order of the files; the file of a table that is
    required stands under REQUIRED.
    """
    for table in source.tables:
        lookup = _read_lookup(table.country_lookup, Path(folder)) if table.country_lookup else None
        for path in _files(Path(folder), table.file):
            yield from _rows(table, path, lookup)


def load_patents(
    source: Source, folder: str | Path, wanted: Callable[[str], bool] = lambda _: True
) -> Loaded:
    """The patents whose id is wanted, one by one. Raises InputError on missing files and columns, unreadable rows and
    patents that a table describes twice in different words.
    """
    patents, skipped = _dated(source, folder, wanted)
    return _with_text(patents, skipped)


def load_families(
    source: Source,
    folder: str | Path,
    chosen: Collection[str] | None = None,
    part: Callable[[str], bool] = lambda _: True,
) -> Loaded:
    """One patent for each family with a member whose id is in `chosen` (None: for all) and that is in the part;
    patents without a family stand for themselves. `part` is told what names a family, the same for all its members.

    A family is the same patent whatever is chosen, its text apart, so that counts of a part of a source and of the
    whole can be set against each other. Memory grows with the patents that are kept. Raises InputError as
    `load_patents` does.
    """
    own = {} if chosen is None else _families(source, folder, chosen.__contains__)
    some = None if chosen is None else {own.get(identity) or _alone(identity) for identity in chosen}

    def wanted(name: str) -> bool:
        return (some is None or name in some) and part(name)

    # Of a patent whose family is not wanted while its own name is, too: it must not pass for one without a family.
    names = _families(source, folder, lambda identity: wanted(_alone(identity)), wanted)

    def named(identity: str) -> str:
        return names.get(identity) or _alone(identity)

    members, skipped = _dated(source, folder, lambda identity: wanted(named(identity)))
    families: dict[str, list[Patent]] = {}
    for member in members:
        families.setdefault(named(member.id), []).append(member)
    # Chosen for the sake of a member that is left out, as one without a year: nothing speaks for such a family.
    kept = [f for f in families.values() if chosen is None or any(p.id in chosen for p in f)]
    return _with_text([family_patent(f, chosen) for f in kept], skipped)


def family_patent(members: Sequence[Patent], chosen: Collection[str] | None = None) -> Patent:
    """A family as one patent: id and year of the earliest member, inventors of the earliest that names any, the CPC
    codes of all, and the text of the earliest that has any: of those chosen before others (None: of all alike), of
    those with an abstract before those with a title only.
    """

    def rank(member: Patent) -> tuple[bool, bool, bool]:
        passed_over = chosen is not None and member.id not in chosen
        return not (member.title or member.abstract), passed_over, not member.abstract

    ordered = sorted(members, key=lambda p: (p.year, p.id))
    read = min(ordered, key=rank)
    return replace(
        ordered[0],
        title=read.title,
        abstract=read.abstract,
        cpc=tuple(dict.fromkeys(code for p in ordered for code in p.cpc)),
        inventor_countries=next((p.inventor_countries for p in ordered if p.inventor_countries), ()),
    )


def has_families(source: Source) -> bool:
    """Whether a source says which patents are of one family."""
    return any(table.family for table in source.tables)


def _families(
    source: Source,
    folder: str | Path,
    wanted: Callable[[str], bool],
    family_wanted: Callable[[str], bool] = lambda _: False,
) -> dict[str, str]:
    """Family by id, of the patents for which id or family is wanted; reads the tables that name families only."""
    tables = [table for table in source.tables if table.family]
    found: dict[str, str] = {}
    if tables:
        for identity, fields in rows_of(source.model_copy(update={"tables": tables}), folder):
            for family in fields["family"][:1]:
                if wanted(identity) or family_wanted(family):
                    found.setdefault(identity, family)
    return found


def _alone(identity: str) -> str:
    """What names the family of a patent without one: no family has such a name."""
    return f"\x00{identity}"


def _dated(
    source: Source, folder: str | Path, wanted: Callable[[str], bool]
) -> tuple[list[Patent], Counter[str]]:
    """The wanted patents that have a year and all rows they need, with text or without, in order of their id; and how
    many others there are.
    """
    required = [table.file for table in source.tables if table.required]
    single: dict[str, dict[str, str]] = {}
    several: dict[str, dict[str, list[str]]] = {}
    problems: list[Problem] = []
    for identity, fields in rows_of(source, folder):
        if not wanted(identity):
            continue
        one = single.setdefault(identity, {})
        many = several.setdefault(identity, {field: [] for field in (*SEVERAL, REQUIRED)})
        for field, values in fields.items():
            if field in many:
                many[field] += values
            elif values and one.setdefault(field, values[0]) != values[0]:
                problems.append(
                    Problem(f"patent {identity!r} stands twice, with another {field}", str(folder))
                )
                if len(problems) >= MAX_PROBLEMS:
                    raise InputError(problems)
    if problems:
        raise InputError(problems)
    skipped: Counter[str] = Counter()
    patents = []
    for identity in sorted(single):
        one, many = single[identity], several[identity]
        year = _year(one.get("year", ""))
        absent = next((file for file in required if file not in many[REQUIRED]), None)
        if absent is not None:
            skipped[f"not in {absent}"] += 1
        elif year is None:
            skipped["no year"] += 1
        else:
            patents.append(
                Patent(
                    identity,
                    one.get("title", ""),
                    one.get("abstract", ""),
                    year,
                    tuple(dict.fromkeys(many["cpc"])),
                    tuple(many["country"]),
                    one.get("family", ""),
                )
            )
    return patents, skipped


def _with_text(patents: Iterable[Patent], skipped: Counter[str]) -> Loaded:
    """Those with a title or an abstract, in order of their id; the others are added to what was left out."""
    read = sorted(patents, key=lambda p: p.id)
    kept = tuple(p for p in read if p.title or p.abstract)
    lost = Counter({"no title or abstract": len(read) - len(kept)} if len(kept) < len(read) else {})
    return Loaded(kept, dict(skipped + lost))


def _files(folder: Path, pattern: str) -> list[Path]:
    """The files a pattern names, in order. A file given in place of a folder is the only one there is."""
    if folder.is_file():
        return [folder]
    found = sorted(p for p in folder.glob(pattern) if p.is_file() and format_of(p.name))
    if not found:
        expected = (
            f"a file {pattern} ending in {', '.join('.' + f for f in FORMATS)}, .gz or .zip allowed after it"
        )
        raise InputError(Problem("no such table", str(folder), expected=expected))
    return found


def _read_lookup(lookup: Lookup, folder: Path) -> dict[str, str]:
    found = {}
    for path in _files(folder, lookup.file):
        for record, line in records(path):
            _need(record, (lookup.key, lookup.value), path, line)
            found[_text(record[lookup.key])] = _text(record[lookup.value])
    return found


def _rows(
    table: SourceTable, path: Path, lookup: dict[str, str] | None
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    columns = table.columns
    needed = (table.id, *columns.values(), *table.where, *table.where_not)
    # Records of JSON may leave keys out, so that only a key no record has is an error.
    sparse = format_of(path.name) == "jsonl"
    seen: set[str] = set()
    last: dict[str, Any] = {}
    line = 0
    for record, line in records(path):
        if sparse:
            seen |= record.keys()
        elif not last:
            _need(record, needed, path, line)
        last = record
        if any(_text(record.get(c)) not in allowed for c, allowed in table.where.items()):
            continue
        if any(_text(record.get(c)) in refused for c, refused in table.where_not.items()):
            continue
        identity = "".join(_values(record, table.id, None)[:1])
        if not identity:
            raise InputError(Problem("a row without an id", str(path), line, table.id))
        fields = {field: _values(record, column, table.separator) for field, column in columns.items()}
        if table.required:
            fields[REQUIRED] = [table.file]
        if lookup is not None and "country" in fields:
            fields["country"] = [lookup[code] for code in fields["country"] if lookup.get(code)]
        yield identity, fields
    if sparse and last:
        _need(dict.fromkeys(seen), needed, path, line)


def _need(record: dict[str, Any], columns: tuple[str, ...], path: Path, line: int) -> None:
    missing = [c for c in columns if c.split(".")[0] not in record]
    if missing:
        raise InputError(
            [unknown_name("column", c, list(record), file=str(path), line=line) for c in missing]
        )


def _values(record: dict[str, Any], column: str, separator: str | None) -> list[str]:
    """The values at a column, or at a path such as cpc.*.code, as text; empty ones are left out."""
    cell = record.get(column)
    if isinstance(cell, str):  # the way of nearly every cell there is
        parts = cell.split(separator) if separator else (cell,)
        return [kept for part in parts if (kept := part.strip())]
    found: list[Any] = [record]
    for step in column.split(".") if column not in record else [column]:
        if step == "*":
            found = [item for value in found for item in (_sequence(value) or ())]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    values = [_text(v) for value in found for v in (_sequence(value) or [value])]
    if separator:
        values = [part.strip() for value in values for part in value.split(separator)]
    return [value for value in values if value]


def _sequence(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, (list, tuple)) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip() if isinstance(value, str) else str(value)


def _year(text: str) -> int | None:
    match = re.match(r"(1[89]\d\d|20\d\d)", text)
    return int(match[1]) if match else None

"""The file and the line that a message names are those where the mistake stands."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

import calibration
from calibration import inherit
from calibration.errors import InputError
from calibration.tables import Column, parse_csv

FOLDER = Path(calibration.__file__).parent
DATA = Path("data") / "china-2009"


@pytest.fixture
def copy(tmp_path):
    """A folder with base.yaml, which is china-2009, and mine.yaml, which is based on it."""
    for name in ("concordances", DATA):
        shutil.copytree(FOLDER / name, tmp_path / name)
    shutil.copy(FOLDER / "china-2009.yaml", tmp_path / "base.yaml")
    (tmp_path / "mine.yaml").write_text("name: mine\nbased_on: base.yaml\n")
    return tmp_path


def refused(path):
    with pytest.raises(InputError) as error:
        calibration.load(path)
    return error.value.problems[0]


def lines_of(path):
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()


def write(path, lines):
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("name", ["rare_earth_trade.csv", "use.csv.gz", "stated_output.csv"])
@pytest.mark.parametrize("mistake", ["order", "short", "words", "infinite", "more"])
def test_a_row_of_a_host_table_is_told_by_its_line(copy, name, mistake):
    """Comment lines stand above every table, and count."""
    path = copy / DATA / name
    lines = lines_of(path)
    assert lines[2].startswith("#")
    header = next(at for at, line in enumerate(lines) if not line.startswith("#"))
    at = header + 4
    cells = lines[at].split(",")
    if mistake == "order":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif mistake == "short":
        lines[at] = ",".join(cells[:-1])
    elif mistake == "more":
        at = len(lines)
        lines.append(lines[-1])
    else:
        lines[at] = ",".join([*cells[:-1], {"words": "many", "infinite": "inf"}[mistake]])
    write(path, lines)
    problem = refused(copy / "base.yaml")
    assert (Path(problem.file).name, problem.line) == (name, at + 1)


def test_tables_that_are_not_there_are_missed_where_they_are_named(copy):
    """In the file that a calibration is based on, when that is the one."""
    line = next(at for at, text in enumerate(lines_of(copy / "base.yaml"), 1) if text.startswith("tables:"))
    shutil.rmtree(copy / DATA)
    problem = refused(copy / "mine.yaml")
    assert (Path(problem.file).name, problem.line) == ("base.yaml", line)
    assert "the tables of mine are not here" in problem.what


def test_a_circle_is_told_where_it_closes(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\nbased_on: {other}.yaml\n")
    with pytest.raises(InputError, match=r"a\.yaml leads back here") as error:
        inherit.load(tmp_path / "a.yaml")
    (problem,) = error.value.problems
    assert (Path(problem.file).name, problem.line) == ("c.yaml", 2)


def test_a_line_of_an_inherited_value_is_that_of_its_file(copy):
    document, _ = inherit.load(copy / "mine.yaml")
    lines = lines_of(copy / "base.yaml")
    assert lines[document.line(("tables",)) - 1].startswith("tables:")
    assert document.line(("based_on",)) == 2


def test_a_row_that_runs_over_lines_is_told_by_its_first():
    columns = (Column("name"), Column("value", "number"))
    with pytest.raises(InputError, match=r"t\.csv:3: column value: got text 'x'"):
        parse_csv('name,value\na,1\n"two\nlines",x\nb,2\n', columns, file="t.csv")

"""CSV tables: read strictly, written whole, safe to open in a spreadsheet."""

import csv
import gzip
import io
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calibration import tables
from calibration.errors import InputError
from calibration.tables import Column, format_csv, parse_csv, read_csv, write_csv

COLUMNS = (
    Column("region", valid=("CHN", "JPN", "USA")),
    Column("sector"),
    Column("output", "number", unit="million USD", minimum=0),
    Column("year", "integer", minimum=1995, maximum=2030),
)
HEADER = "region,sector,output [million USD],year\n"


def messages(text, columns=COLUMNS, key=()):
    with pytest.raises(InputError) as caught:
        parse_csv(text, columns, key, "t.csv")
    return [str(problem) for problem in caught.value.problems]


def test_a_good_table():
    table = parse_csv(f'# source: made up\n\n{HEADER}CHN,mining,1e3,2009\n\nJPN,"a, b",0.5,2010\n', COLUMNS)
    assert table["region"].tolist() == ["CHN", "JPN"]
    assert table["sector"].tolist() == ["mining", "a, b"]
    assert table["output"].tolist() == [1000.0, 0.5]
    assert table["year"].dtype == np.int64
    assert table.lines.tolist() == [4, 6]
    assert len(table) == 2
    with pytest.raises(ValueError, match="read-only"):
        table["output"][0] = 2


def test_columns_may_come_in_any_order():
    text = "year,output [million USD],sector,region\n2009,1,mining,CHN\n"
    assert parse_csv(text, COLUMNS)["region"].tolist() == ["CHN"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "CHM,a,1,2009",
            "t.csv:2: column region: unknown name text 'CHM'; expected one of CHN, JPN, USA; did you mean CHN?",
        ),
        (",a,1,2009", "t.csv:2: column region: an empty cell; expected one of CHN, JPN, USA"),
        ("CHN,,1,2009", "t.csv:2: column sector: an empty cell; expected text"),
        ("CHN,a,,2009", "t.csv:2: column output: an empty cell; expected a number"),
        ("CHN,a,nan,2009", "t.csv:2: column output: got text 'nan'; expected a number"),
        ("CHN,a,inf,2009", "column output: got text 'inf'; expected a number"),
        ("CHN,a,1e999,2009", "column output: got 1e999; expected a finite number"),
        ('CHN,a,"1,000",2009', "column output: got text '1,000'; expected a number"),
        ("CHN,a,1_000,2009", "column output: got text '1_000'; expected a number"),
        ("CHN,a,0x1F,2009", "expected a number"),
        ("CHN,a,\u0661,2009", "expected a number"),
        ("CHN,a,-1,2009", "column output: got -1; expected at least 0"),
        ("CHN,a,1,2009.0", "column year: got text '2009.0'; expected a whole number"),
        ("CHN,a,1,1990", "column year: got 1990; expected 1995 to 2030"),
        ("CHN,a,1", "t.csv:2: 3 cells; expected 4, as in the header"),
        ("CHN,a,1,2009,", "t.csv:2: 5 cells; expected 4, as in the header"),
        ('CHN,"a,1,2009', "t.csv:2: not CSV"),
        ('CHN,"a"b,1,2009', "t.csv:2: not CSV"),
        ("CHN,a\x00,1,2009", "t.csv:2: a NUL character"),
    ],
)
def test_a_bad_row(row, message):
    found = messages(f"{HEADER}{row}\n")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("region,sector,output,year", "column text 'output'; expected 'output [million USD]'"),
        ("region,sector,output [USD],year", "did you mean output [million USD]?"),
        ("region,sector,output [million USD]", "t.csv:1: no column 'year'"),
        (
            "region,sector,output [million USD],year,year",
            "t.csv:1: column text 'year' stands twice in the header",
        ),
        ("region,sector,output [million USD],yaer", "t.csv:1: unknown column 'yaer'"),
        ("region;sector;output [million USD];year", "t.csv:1: cells are separated by ';'; expected commas"),
    ],
)
def test_a_bad_header(header, message):
    found = messages(f"{header}\n")
    assert len(found) == 1
    assert message in found[0]


def test_an_empty_table():
    assert messages("# only a comment\n") == [
        "t.csv: the table is empty; expected a header with region, sector, output [million USD], year"
    ]


def test_repeated_rows_are_named_with_both_lines():
    text = f"{HEADER}CHN,a,1,2009\nJPN,a,1,2009\nCHN,a,2,2009\n"
    assert messages(text, key=("region", "sector")) == [
        "t.csv:4: region CHN, sector a stands twice; first in line 2"
    ]
    assert len(parse_csv(text, COLUMNS, ("region", "sector", "output"))) == 3


def test_all_problems_come_together():
    assert len(messages(f"{HEADER}CHM,a,x,2009\nJPN,,1,19\n")) == 4


def test_lines_count_quoted_line_breaks():
    assert messages(f'{HEADER}CHN,"a\nb",1,2009\nCHN,c,x,2009\n')[0].startswith("t.csv:4: column output")


def test_an_optional_column_may_be_absent_or_empty():
    columns = (Column("a"), Column("note", required=False))
    assert "note" not in parse_csv("a\nx\n", columns).columns
    assert parse_csv("a,note\nx,\n", columns)["note"].tolist() == [""]


def test_a_problem_found_later_names_its_line():
    table = parse_csv(f"{HEADER}CHN,a,1,2009\n", COLUMNS, file="t.csv")
    assert str(table.problem(0, "sector", "no such sector")) == "t.csv:2: column sector: no such sector"


def test_a_packed_table_and_a_decompression_bomb(tmp_path, monkeypatch):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}CHN,a,1,2009\n".encode()))
    assert len(read_csv(path, COLUMNS)) == 1
    monkeypatch.setattr(tables, "MAX_BYTES", 1_000_000)
    path.write_bytes(gzip.compress(b"0" * 50_000_000))
    with pytest.raises(InputError, match="larger than the limit of 1 MB"):
        read_csv(path, COLUMNS)
    path.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="not a readable gzip file"):
        read_csv(path, COLUMNS)
    path.write_bytes(gzip.compress(b"0" * 5000)[:-9])
    with pytest.raises(InputError, match="not a readable gzip file"):
        read_csv(path, COLUMNS)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "=cmd|' /C calc'!A0"]
)
def test_text_is_never_a_formula(text):
    cell = next(csv.reader(io.StringIO(format_csv({"a": [text]}).split("\n", 1)[1])))[0]
    assert cell == f"'{text}".replace("\r", "\n")


def test_headers_and_comments_are_text_too():
    text = format_csv({"=1": []}, comments=["line\nbreak =1"])
    assert text == "# line\\nbreak =1\n'=1\n"


def test_negative_numbers_stay_numbers():
    assert (
        format_csv({"a": [-1.5, np.float64(-2), np.int64(-3), True, None, "x"]})
        == 'a\n-1.5\n-2.0\n-3\ntrue\n""\nx\n'
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64("nan")])
def test_a_number_that_is_none_is_not_written(tmp_path, value):
    with pytest.raises(ValueError, match="cannot hold"):
        write_csv(tmp_path / "t.csv", {"a": [value]})
    assert not list(tmp_path.iterdir())


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        format_csv({"a": [1, 2], "b": [1]})


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1).filter(
    lambda text: not text.lstrip(" ").startswith(tuple(tables._FORMULA))
)


@given(
    st.lists(
        st.tuples(NAMES, st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**17), 10**17))
    )
)
@example([("#x", -0.0, 0), ("'", 5e-324, 1)])
def test_what_is_written_reads_back_as_the_same_bits(rows):
    columns = (Column("name"), Column("value", "number", unit="USD"), Column("count", "integer"))
    headers = [column.header for column in columns]
    text = format_csv(dict(zip(headers, zip(*rows, strict=True) if rows else [[], [], []], strict=True)))
    table = parse_csv(text, columns)
    assert table["name"].tolist() == [row[0] for row in rows]
    assert table["value"].tobytes() == np.array([row[1] for row in rows], dtype=float).tobytes()
    assert table["count"].tolist() == [row[2] for row in rows]


@given(st.text() | st.text(alphabet="ab,;\"'\n\r\t#=1.e-[] \x00", max_size=80))
def test_any_text_is_read_or_refused_with_a_message(text):
    try:
        table = parse_csv(text, (Column("a"), Column("b", "number", required=False)))
    except InputError as error:
        assert str(error)  # noqa: PT017 - some inputs raise nothing
    else:
        assert all(table["a"])


@pytest.mark.parametrize("blank", ["\x1f", "\x1c", "\x85", "\u2003", "\n"])
def test_a_blank_that_cannot_be_seen_is_no_part_of_a_number(blank):
    """Found by fuzzing: Python's own readers of numbers do not agree on what is blank."""
    with pytest.raises(InputError, match="expected a number"):
        parse_csv(f'a\n"1.{blank}"\n', [Column("a", "number")])
    assert parse_csv("a\n 1.5\t\n", [Column("a", "number")])["a"].tolist() == [1.5]

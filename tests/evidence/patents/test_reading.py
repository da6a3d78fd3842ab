"""CPC symbols, column maps, candidates: sources in the shape each database has."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import InputError
from calibration.evidence.patents.candidates import candidate_ids, read_selection
from calibration.evidence.patents.cpc import parse_range, parse_symbol
from calibration.evidence.patents.panel import (
    count,
    count_all,
    country_names,
    exceeding,
    part_of,
    read_concordance,
)
from calibration.evidence.patents.readers import (
    SHIPPED,
    Source,
    family_patent,
    load_families,
    load_patents,
    read_source,
)
from calibration.evidence.patents.records import Patent, Verdict


def write_rows(path: Path, header: list[str], rows: list[list[Any]], delimiter: str = ",") -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("C22B59/00", "C22B 59/00"),
        ("C22B  59/00", "C22B 59/00"),
        ("c22b 59/00", "C22B 59/00"),
        ("H01F   1/0577", "H01F 1/0577"),
        ("H01F0001057700", "H01F 1/0577"),
        ("C22B0059000000", "C22B 59/00"),
        ("C22B", "C22B"),
    ],
)
def test_symbols_are_read_however_they_are_written(text: str, written: str) -> None:
    assert str(parse_symbol(text)) == written


@pytest.mark.parametrize("text", ["", "C22", "59/00", "C22B 59/", "Z99Z 1/00", "C22B 59/00 extra"])
def test_what_is_no_symbol_is_none(text: str) -> None:
    assert parse_symbol(text) is None


def holds(rule: str, text: str) -> bool:
    symbol = parse_symbol(text)
    assert symbol is not None
    return parse_range(rule).holds(symbol)


def test_ranges_follow_the_order_of_the_scheme() -> None:
    inside = ["1/053", "1/0533", "1/0536", "1/055", "1/0553", "1/057", "1/0571", "1/0579"]
    outside = ["1/052", "1/047", "1/058", "1/059", "1/06", "1/00", "7/02", "41/02"]
    assert all(holds("H01F 1/053-1/057", f"H01F {s}") for s in inside)
    assert not any(holds("H01F 1/053-1/057", f"H01F {s}") for s in outside)
    assert holds("C22B 59", "C22B 59/00")
    assert not holds("C22B 59", "C22B 5/00")
    assert holds("C22C", "C22C 38/00")
    assert not holds("C22C", "C22B 59/00")


@given(st.integers(1, 200), st.integers(0, 9999))
def test_a_range_of_one_symbol_holds_it(group: int, subgroup: int) -> None:
    text = f"H01F {group}/{subgroup:02d}"
    assert holds(text, text)


@pytest.mark.parametrize("rule", ["nonsense", "H01F 1/053-7/02", "H01F 1/057-1/053", "H01F-1/05"])
def test_wrong_ranges_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"CPC symbol|range"):
        parse_range(rule)


@pytest.fixture
def patentsview(tmp_path: Path) -> Path:
    tab = "\t"
    write_rows(
        tmp_path / "g_patent.tsv",
        ["patent_id", "patent_type", "patent_title", "patent_date"],
        [
            ["1", "utility", "Magnet with less dysprosium", "2011-03-01"],
            ["2", "utility", "Umbrella", "2012-05-09"],
            ["3", "design", "Magnet shape", "2012-05-09"],
            ["4", "utility", "Leaching of ore", "2013-01-01"],
        ],
        tab,
    )
    write_rows(
        tmp_path / "g_application.tsv",
        ["application_id", "patent_id", "filing_date"],
        [
            ["12/1", "1", "2008-07-01"],
            ["12/2", "2", "2010-01-04"],
            ["29/3", "3", "2010-02-03"],
            ["12/4", "4", "2009-12-31"],
        ],
        tab,
    )
    write_rows(
        tmp_path / "g_patent_abstract.tsv",
        ["patent_id", "patent_abstract"],
        [["1", "Grain boundary diffusion."], ["2", "A handle."], ["4", "Ore with xenotime is leached."]],
        tab,
    )
    write_rows(
        tmp_path / "g_cpc_current.tsv",
        ["patent_id", "cpc_sequence", "cpc_group"],
        [["1", 0, "H01F1/0577"], ["1", 1, "C22C38/00"], ["2", 0, "A45B25/00"], ["4", 0, "C22B3/04"]],
        tab,
    )
    with zipfile.ZipFile(tmp_path / "g_inventor_disambiguated.tsv.zip", "w") as archive:
        lines = ["patent_id\tlocation_id", "1\ta", "1\tb", "1\ta", "2\tb", "4\t"]
        archive.writestr("g_inventor_disambiguated.tsv", "\n".join(lines) + "\n")
    write_rows(
        tmp_path / "g_location_disambiguated.tsv",
        ["location_id", "disambig_country"],
        [["a", "JP"], ["b", "US"]],
        tab,
    )
    return tmp_path


def test_patentsview(patentsview: Path) -> None:
    source = read_source("patentsview")
    ids, reasons = candidate_ids(source, patentsview, read_selection())
    assert ids - {"3"} == {"1", "4"}
    assert reasons == {"class": 1, "class with term": 1, "term": 0}
    loaded = load_patents(source, patentsview, ids.__contains__)
    assert loaded.patents == (
        Patent(
            "1",
            "Magnet with less dysprosium",
            "Grain boundary diffusion.",
            2008,
            ("H01F1/0577", "C22C38/00"),
            ("JP", "US", "JP"),
        ),
        Patent("4", "Leaching of ore", "Ore with xenotime is leached.", 2009, ("C22B3/04",), ()),
    )


def test_designs_and_patents_without_a_date_are_left_out(patentsview: Path) -> None:
    write_rows(
        patentsview / "g_patent_abstract.tsv",
        ["patent_id", "patent_abstract"],
        [["3", "Neodymium."], ["2", "Samarium."]],
        "\t",
    )
    source = read_source("patentsview")
    for loaded in (
        load_patents(source, patentsview, {"3"}.__contains__),
        load_families(source, patentsview, {"3"}),
    ):
        assert loaded.patents == ()
        assert loaded.skipped == {"not in g_patent.tsv*": 1}
    # The office's table has such dates, too.
    write_rows(patentsview / "g_application.tsv", ["patent_id", "filing_date"], [["2", "1074-08-01"]], "\t")
    assert load_patents(source, patentsview, {"2"}.__contains__).skipped == {"no year": 1}


def test_a_source_of_grants_is_not_dated_by_them(patentsview: Path) -> None:
    """Three years pass between filing and grant of the first patent: an event study of 2010 would lose it."""
    granted = {"1": 2011, "2": 2012, "4": 2013}
    filed = {p.id: p.year for p in load_patents(read_source("patentsview"), patentsview).patents}
    assert set(filed) == set(granted)
    assert all(filed[i] < granted[i] for i in filed)
    (patentsview / "g_application.tsv").unlink()
    with pytest.raises(InputError, match=r"no such table; expected a file g_application\.tsv"):
        load_patents(read_source("patentsview"), patentsview)


def test_patstat(tmp_path: Path) -> None:
    write_rows(
        tmp_path / "tls201_part01.csv",
        ["appln_id", "appln_kind", "earliest_filing_year", "docdb_family_id"],
        [[10, "A", 2010, 77], [11, "A", 2009, 77], [12, "U", 2010, 78]],
    )
    write_rows(
        tmp_path / "tls202_part01.csv", ["appln_id", "appln_title"], [[10, "X"], [11, "Cerium slurry"]]
    )
    write_rows(tmp_path / "tls203_part01.csv", ["appln_id", "appln_abstract"], [[10, 'A, b; "c"'], [11, "Y"]])
    write_rows(tmp_path / "tls224_part01.csv", ["appln_id", "cpc_class_symbol"], [[10, "C09G   1/02"]])
    write_rows(
        tmp_path / "tls207_part01.csv",
        ["person_id", "appln_id", "applt_seq_nr", "invt_seq_nr"],
        [[1, 10, 1, 0], [2, 10, 0, 1], [3, 10, 0, 2]],
    )
    write_rows(
        tmp_path / "tls206_part01.csv", ["person_id", "person_ctry_code"], [[1, "DE"], [2, "CN"], [3, ""]]
    )
    source = read_source("patstat")
    loaded = load_patents(source, tmp_path)
    assert [p.id for p in loaded.patents] == ["10", "11"]
    assert loaded.patents[0].inventor_countries == ("CN",)
    assert loaded.patents[0].abstract == 'A, b; "c"'
    [family] = load_families(source, tmp_path).patents
    assert (family.id, family.year, family.family) == ("11", 2009, "77")
    assert (family.cpc, family.inventor_countries) == (("C09G   1/02",), ("CN",))


JP = Patent("JP1", "", "", 2005, ("G06N 3/02",), ("JP",), "f")
US = Patent("US1", "Magnet", "It holds neodymium.", 2009, ("H01F 1/057", "G06N 3/02"), ("US", "US"), "f")
KR = Patent("KR1", "Jaseok", "", 2007, (), ("KR",), "f")


def test_a_family_is_dated_and_placed_by_its_first_member_whoever_has_the_text() -> None:
    for members in ([JP, US, KR], [US, KR, JP]):
        family = family_patent(members)
        assert (family.id, family.year, family.inventor_countries) == ("JP1", 2005, ("JP",))
        assert family.cpc == ("G06N 3/02", "H01F 1/057")
        assert (family.title, family.abstract) == ("Magnet", "It holds neodymium.")
        assert family_patent(members, {"KR1"}).title == "Jaseok"
        assert family_patent(members, {"JP1"}).title == "Magnet"
    assert family_patent([JP]) == JP
    assert family_patent([replace(JP, inventor_countries=()), US]).inventor_countries == ("US", "US")


MEMBER = st.tuples(
    st.sampled_from(["", "a", "b", "c"]),  # family
    st.sampled_from(["", "2005", "2009"]),
    st.sampled_from(["", "Magnet of neodymium", "Umbrella"]),
    st.sampled_from(["", "H01F 1/057", "A45B 25/00"]),
    st.sampled_from(["", "JP", "US;JP"]),
)
WITH_FAMILY = Source.model_validate(
    {
        "name": "families",
        "tables": [
            # Two tables, so that what is known of a patent is spread, as in PATSTAT.
            {"file": "main.csv", "id": "id", "title": "title", "year": "year"},
            {"file": "more.csv", "id": "id", "separator": ";"} | {n: n for n in ("family", "cpc", "country")},
        ],
    }
)


@settings(max_examples=60)
@given(st.lists(MEMBER, min_size=1, max_size=8), st.integers(1, 3))
def test_candidates_never_outnumber_all_patents_in_any_cell(
    tmp_path_factory: pytest.TempPathFactory, members: list[tuple[str, ...]], passes: int
) -> None:
    folder = tmp_path_factory.mktemp("families")
    named = [(f"P{k}", *member) for k, member in enumerate(members)]
    write_rows(folder / "main.csv", ["id", "title", "year"], [[i, t, y] for i, _, y, t, _, _ in named])
    more = [[i, f, cpc, country] for i, f, _, _, cpc, country in named]
    write_rows(folder / "more.csv", ["id", "family", "cpc", "country"], more)
    ids, _ = candidate_ids(WITH_FAMILY, folder, read_selection())
    some = load_families(WITH_FAMILY, folder, ids).patents
    parts = [
        load_families(WITH_FAMILY, folder, part=lambda name, k=k: part_of(name, passes) == k).patents  # type: ignore[misc]
        for k in range(passes)
    ]
    every = [patent for part in parts for patent in part]
    # A family is one patent, the same in whatever it is read for, and there is one for each that has year and text.
    places = {p.id: (p.year, p.cpc, p.inventor_countries, p.family) for p in every}
    assert len(places) == len(every)
    assert all(places[p.id] == (p.year, p.cpc, p.inventor_countries, p.family) for p in some)
    dated = [(f or i, i, t) for i, f, y, t, _, _ in named if y]
    assert len(every) == len({name for name, _, t in dated if t})
    with_candidate = {name for name, i, _ in dated if i in ids}
    assert len(some) == len(with_candidate & {name for name, _, t in dated if t})
    verdicts = [Verdict(p.id, "classified", "new_use") for p in some]
    counts = count(some, verdicts, read_concordance(), country_names())
    assert exceeding(counts, count_all(every, read_concordance(), country_names())).empty


def google_record(identity: str, text: str) -> dict[str, Any]:
    return {
        "publication_number": identity,
        "family_id": identity[-1],
        "priority_date": 20100712,
        "title_localized": [{"text": text, "language": "en"}],
        "abstract_localized": [{"text": "It glows.", "language": "en"}],
        "cpc": [{"code": "C09K11/7706", "inventive": True}, {"code": "H01L33/50"}],
        "inventor_harmonized": [{"name": "A", "country_code": "KR"}, {"name": "B", "country_code": "KR"}],
    }


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "parquet"])
def test_google_patents(tmp_path: Path, ending: str) -> None:
    records = [google_record("US-1-A", "Europium phosphor"), google_record("KR-2-A", "Lamp")]
    path = tmp_path / f"publications-000.{ending}"
    text = "".join(json.dumps(r) + "\n" for r in records)
    if ending == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), path)
    elif ending.endswith("gz"):
        with gzip.open(path, "wt", encoding="utf-8") as stream:
            stream.write(text)
    else:
        path.write_text(text, encoding="utf-8")
    loaded = load_patents(read_source("google-patents"), tmp_path)
    assert [p.id for p in loaded.patents] == ["KR-2-A", "US-1-A"]
    assert loaded.patents[1] == Patent(
        "US-1-A", "Europium phosphor", "It glows.", 2010, ("C09K11/7706", "H01L33/50"), ("KR", "KR"), "A"
    )


def test_every_shipped_map_is_read() -> None:
    for path in SHIPPED.glob("*.yaml"):
        assert read_source(path.stem).tables


PLAIN = ["id", "title", "abstract", "year", "cpc", "inventor_country"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [["1", "T", "A", "2010", "", ""], ["1", "U", "A", "2010", "", ""]],
            "'1' stands twice, with another title",
        ),
        ([["", "T", "A", "2010", "", ""]], "a row without an id"),
        ([["1", "T", "A", "2010", ""]], "5 cells"),
    ],
)
def test_faulty_tables_are_refused_with_their_place(
    tmp_path: Path, rows: list[list[str]], message: str
) -> None:
    write_rows(tmp_path / "p.csv", PLAIN, rows)
    with pytest.raises(InputError, match=message):
        load_patents(read_source("plain"), tmp_path / "p.csv")


def test_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    write_rows(tmp_path / "p.csv", ["id", "titel", *PLAIN[2:]], [["1"] * 6])
    with pytest.raises(InputError, match=r"p\.csv.*unknown column 'title'.*did you mean titel"):
        load_patents(read_source("plain"), tmp_path / "p.csv")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"id": 1', b"[1, 2]\n"])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"JSON|UTF-8"):
        load_patents(read_source("plain"), path)


def test_unknown_map_and_missing_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean patentsview"):
        read_source("patentview")
    with pytest.raises(InputError, match="no such table"):
        load_patents(read_source("patentsview"), tmp_path)
    own = tmp_path / "own.yaml"
    own.write_text("name: x\ntables:\n  - {file: a.csv, id: i, titel: t}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"own\.yaml:3.*did you mean title"):
        read_source(own)
    own.write_text("name: x\ntables:\n  - {file: a.csv, id: i, title: t}\n", encoding="utf-8")
    with pytest.raises(InputError, match="no table has the column of year"):
        read_source(own)


@pytest.mark.parametrize(
    ("patent", "reason"),
    [
        (Patent("1", "Alloy", "", 2010, ("C22B59/00",)), "class"),
        (Patent("1", "Alloy", "", 2010, ("C22C38/00",)), ""),
        (Patent("1", "Alloy with mischmetal", "", 2010, ("C22C38/00",)), "class with term"),
        (Patent("1", "Toy with a samarium magnet", "", 2010, ("A63H1/00",)), "term"),
        (Patent("1", "Fuel cell with yttria-stabilised zirconia", "", 2010, ("H01M8/12",)), ""),
        (Patent("1", "Research on scarce earthworms", "", 2010, ()), ""),
        (Patent("1", "Rare-earth sorbent", "", 2010, ("not a symbol",)), "term"),
    ],
)
def test_selection(patent: Patent, reason: str) -> None:
    assert read_selection().reason(patent) == reason


def test_selection_file_reports_every_wrong_symbol(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "classes: {C22Q: x, H01F 1/057-1/053: y}\nclasses_with_terms: {C22C: z}\nterms: [a]\nweak_elements: [Xx]\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        read_selection(path)
    assert len(caught.value.problems) == 2
    assert "ends before it starts" in str(caught.value)

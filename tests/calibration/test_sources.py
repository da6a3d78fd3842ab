"""World tables in every format: the same table comes out, and what is wrong in a file is named."""

from __future__ import annotations

import numpy as np
import pytest

from calibration import sources
from calibration.errors import InputError
from calibration.sources import table as tables
from tests.calibration import raw_tables as raw

FLOWS, FINAL, OUTPUT = raw.world()


def same_table(found, countries=raw.COUNTRIES, sectors=raw.SECTORS):
    n, k = len(countries), len(sectors)
    assert found.countries == countries
    assert found.sectors == sectors
    np.testing.assert_allclose(found.intermediate, FLOWS.reshape(n, k, n, k), rtol=1e-12)
    np.testing.assert_allclose(found.final, FINAL.reshape(n, k, n, 5).sum(3), rtol=1e-12)
    np.testing.assert_allclose(found.output, OUTPUT.reshape(n, k), rtol=1e-12)


def write(reader, folder):
    """The random table in a reader's format; the file's name."""
    if reader == "wiod2013":
        raw.write_npz(folder / "wiod2013_2009.npz", FLOWS, FINAL, OUTPUT)
        return "wiod2013_2009.npz"
    if reader == "wiod2016":
        raw.write_wiod2016_csv(folder / "wiot2009.csv", FLOWS, FINAL, OUTPUT)
        return "wiot2009.csv"
    if reader == "icio":
        raw.write_icio(folder / "ICIO2021_2009.csv", FLOWS, FINAL, OUTPUT)
        return "ICIO2021_2009.csv"
    if reader == "figaro":
        raw.write_figaro(folder / "matrix_eu-ic-io_ind-by-ind_23ed_2009.csv", FLOWS, FINAL, OUTPUT)
        return "matrix_eu-ic-io_ind-by-ind_23ed_2009.csv"
    if reader == "exiobase3":
        raw.write_exiobase(folder / "IOT_2009_ixi.zip", FLOWS, FINAL)
        return "IOT_2009_ixi.zip"
    raw.write_eora(folder / "Eora26_2009_bp", FLOWS, FINAL)
    return "Eora26_2009_bp"


TEXT_READERS = ("wiod2016", "icio", "figaro", "exiobase3", "eora26")


@pytest.mark.parametrize("reader", ["wiod2013", *TEXT_READERS])
def test_every_format_gives_the_same_table(reader, tmp_path):
    found = sources.read_world_table(reader, tmp_path, write(reader, tmp_path), 2009)
    same_table(found, ("CHN", "JPN", "RST") if reader == "eora26" else raw.COUNTRIES)


def test_exiobase_is_read_from_a_folder_too(tmp_path):
    raw.write_exiobase(tmp_path / "IOT_2009_ixi", FLOWS, FINAL)
    same_table(sources.read_world_table("exiobase3", tmp_path, "IOT_2009_ixi", 2009))


@pytest.mark.parametrize("reader", ["wiod2013", "wiod2016"])
def test_the_excel_files_of_wiod(reader, tmp_path):
    pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    raw.write_wiod_excel(tmp_path / "wiot09_row.xlsx", FLOWS, FINAL, OUTPUT)
    same_table(sources.read_world_table(reader, tmp_path, "wiot09_row.xlsx", 2009))
    with pytest.raises(InputError, match="a table of 2009; expected one of 2010"):
        sources.read_world_table(reader, tmp_path, "wiot09_row.xlsx", 2010)


def test_a_pymrio_system_becomes_a_world_table():
    pymrio = pytest.importorskip("pymrio")
    from calibration.sources.gloria import from_pymrio

    system = pymrio.load_test().calc_all()
    found = from_pymrio("test", 2010, system, "pymrio", factor=1.0)
    np.testing.assert_allclose(found.intermediate.sum(), system.Z.to_numpy().sum(), rtol=1e-12)
    np.testing.assert_allclose(found.final.sum(), system.Y.to_numpy().sum(), rtol=1e-12)
    np.testing.assert_allclose(found.output.ravel(), system.x.to_numpy().ravel(), rtol=1e-9)


def test_eora_says_what_it_leaves_out(tmp_path):
    raw.write_eora(tmp_path / "Eora26_2009_bp", FLOWS, FINAL, discrepancy=7.0)
    found = sources.read_world_table("eora26", tmp_path, "Eora26_2009_bp", 2009)
    assert any("(ROW) of 7 million USD" in note for note in found.notes)


def test_units_are_converted_once(tmp_path):
    name = write("figaro", tmp_path)
    one = sources.read_world_table("figaro", tmp_path, name, 2009)
    euro = sources.read_world_table("figaro", tmp_path, name, 2009, factor=1.39)
    np.testing.assert_allclose(euro.intermediate, 1.39 * one.intermediate)
    np.testing.assert_allclose(euro.final, 1.39 * one.final)


def test_a_missing_file_says_what_to_put_where(tmp_path):
    with pytest.raises(InputError) as error:
        sources.read_world_table("icio", tmp_path, "ICIO2021_2018.csv", 2018)
    assert str(tmp_path / "ICIO2021_2018.csv") in str(error.value)
    assert "OECD" in str(error.value)
    assert "never downloaded" in str(error.value)


def test_an_unknown_reader_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"unknown reader 'figaro2'.*did you mean figaro"):
        sources.read_world_table("figaro2", None, "x", 2009)


@pytest.mark.parametrize("reader", ["wiod2013", "wiod2016", "icio", "exiobase3"])
def test_another_year_is_refused(reader, tmp_path):
    name = write(reader, tmp_path)
    with pytest.raises(InputError, match="of 2009; expected one of 2011"):
        sources.read_world_table(reader, tmp_path, name, 2011)


def edited(reader, folder, edit):
    """One message about a file whose lines were changed."""
    name = write(reader, folder)
    path = folder / name
    if reader == "eora26":
        path = path / "Eora26_2009_bp_T.txt"
    if reader == "exiobase3":
        texts = raw.exiobase_texts(FLOWS, FINAL)
        path = folder / "IOT_2009_ixi"
        path.mkdir()
        for member, text in texts.items():
            (path / member).write_text(text)
        name, path = "IOT_2009_ixi", path / "Z.txt"
    lines = path.read_text().splitlines()
    edit(lines, "\t" if reader in ("exiobase3", "eora26") else ",")
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as error:
        sources.read_world_table(reader, folder, name, 2009)
    assert path.name in str(error.value)
    return error.value.problems[0]


HEADERS = {"wiod2016": 1, "icio": 1, "figaro": 1, "exiobase3": 2, "eora26": 0}
LABELS = {"wiod2016": 5, "icio": 1, "figaro": 1, "exiobase3": 2, "eora26": 0}


def cell(reader, row, column, value):
    def edit(lines, separator):
        cells = next(iter(tables_split(lines[HEADERS[reader] + row], separator)))
        cells[LABELS[reader] + column] = value
        lines[HEADERS[reader] + row] = joined(cells, separator)

    return edit


def tables_split(line, separator):
    from calibration.sources.delimited import split

    yield split(line, separator)


def joined(cells, separator):
    return separator.join(f'"{c}"' if separator in c else c for c in cells)


@pytest.mark.parametrize("reader", TEXT_READERS)
def test_text_where_a_number_belongs_is_named_with_line_and_column(reader, tmp_path):
    problem = edited(reader, tmp_path, cell(reader, 2, 4, "n.a."))
    assert problem.line == HEADERS[reader] + 3
    assert problem.where == f"column {LABELS[reader] + 5}"
    assert "'n.a.'" in problem.what


@pytest.mark.parametrize("reader", TEXT_READERS)
def test_a_negative_flow_is_named_with_its_labels(reader, tmp_path):
    problem = edited(reader, tmp_path, cell(reader, 9, 1, "-5"))
    assert problem.line == HEADERS[reader] + 10
    assert "row JPN c2, column CHN c2" in problem.where


@pytest.mark.parametrize("reader", TEXT_READERS)
def test_a_row_cut_short_is_named(reader, tmp_path):
    def cut(lines, separator):
        lines[5] = separator.join(lines[5].split(separator)[:-3])

    assert edited(reader, tmp_path, cut).line == 6


@pytest.mark.parametrize("reader", TEXT_READERS)
def test_a_truncated_file_is_refused(reader, tmp_path):
    problem = edited(reader, tmp_path, lambda lines, separator: lines.__delitem__(slice(15, None)))
    assert problem.what


@pytest.mark.parametrize("reader", ["wiod2016", "icio", "figaro", "exiobase3"])
@pytest.mark.parametrize(
    ("edit", "said"),
    [
        pytest.param(lambda rows: rows.__delitem__(4), "no row of that label", id="missing"),
        pytest.param(lambda rows: rows.insert(4, rows[6]), "stands twice", id="repeated"),
        pytest.param(lambda rows: rows.insert(4, rows.pop(6)), "in different orders", id="reordered"),
    ],
)
def test_labels_must_be_those_of_the_columns(reader, edit, said, tmp_path):
    def change(lines, separator):
        rows = lines[HEADERS[reader] :]
        edit(rows)
        lines[HEADERS[reader] :] = rows

    assert said in edited(reader, tmp_path, change).what


@pytest.mark.parametrize("reader", ["wiod2016", "icio"])
def test_a_row_that_does_not_add_up_is_named(reader, tmp_path):
    problem = edited(reader, tmp_path, cell(reader, 3, 20, "99999999"))
    assert "adds to" in problem.what
    assert "row CHN c4" in problem.where


def test_an_extra_industry_in_one_economy_is_named():
    rows = [*raw.labels()[:-1], ("ROW", "c99")]
    cells = tables.Cells("t", rows, rows, raw.final_labels(), FLOWS, FINAL)
    with pytest.raises(InputError, match="economy CHN has no industry c99"):
        tables.to_table("t", 2009, cells)


def test_negative_flows_may_be_set_to_zero_and_are_told():
    flows = FLOWS.copy()
    flows[3, 4] = -7.0
    cells = tables.Cells("t", raw.labels(), raw.labels(), raw.final_labels(), flows, FINAL)
    found = tables.to_table("t", 2009, cells, negative="zero")
    assert found.intermediate.min() == 0
    assert found.notes == ("1 negative flows between industries, 7 in all, set to zero.",)


def test_a_broken_npz_is_refused(tmp_path):
    (tmp_path / "wiod2013_2009.npz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a readable world table"):
        sources.read_world_table("wiod2013", tmp_path, "wiod2013_2009.npz", 2009)
    raw.write_npz(tmp_path / "wiod2013_2009.npz", FLOWS[:-1], FINAL, OUTPUT)
    with pytest.raises(InputError, match=r"array Z has shape \(23, 24\); expected \(24, 24\)"):
        sources.read_world_table("wiod2013", tmp_path, "wiod2013_2009.npz", 2009)


def test_every_source_in_the_catalogue_is_complete():
    known = sources.catalogue()
    assert set(sources.READERS) <= set(known)
    for name, entry in known.items():
        assert {"title", "files", "licence", "cite", "factor"} <= set(entry), name
        assert "://" not in str(entry), name

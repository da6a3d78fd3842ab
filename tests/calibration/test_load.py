"""Reading a calibration: wrong names, wrong shares and missing tables are told with file and line."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

import calibration
from calibration import facts, inherit, parameters
from calibration.errors import InputError
from calibration.naming import Axis, Namer
from calibration.strict_yaml import loads

FOLDER = Path(calibration.__file__).parent


@pytest.fixture
def copy(tmp_path):
    """china-2009 in a folder of its own; edit(old, new) changes its text and returns the line that changed."""
    for name in ("concordances", "data/china-2009"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    path = tmp_path / "china-2009.yaml"
    shutil.copy(FOLDER / "china-2009.yaml", path)

    def edit(old, new):
        text = path.read_text()
        assert text.count(old) >= 1, old
        path.write_text(text.replace(old, new, 1))
        return text[: text.index(old)].count("\n") + 1

    edit.path = path
    return edit


def refused(path):
    with pytest.raises(InputError) as error:
        calibration.load(path)
    return error.value.problems


def test_floors_under_prices_are_an_option(copy):
    assert not calibration.load("china-2009").benchmark.parameters.price_floor.any()
    floors = (
        "  price_floor:\n    value: {default: 0, La: 0.5}\n    unit: ratio to the base-year price\n"
        "    source: a test\n    status: analyst\n    range_factor: [0.5, 1.5]\n"
    )
    copy("  final_elasticity:\n", floors + "  final_elasticity:\n")
    found = calibration.load(copy.path)
    np.testing.assert_array_equal(
        found.benchmark.parameters.price_floor, np.where(np.array(found.labels.elements) == "La", 0.5, 0.0)
    )
    line = copy("La: 0.5}", "Lanthan: 0.5}")
    problems = refused(copy.path)
    assert [problem.line for problem in problems] == [line]
    assert "unknown element 'Lanthan'" in str(problems[0])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value: {CHN: 129000, IND", "value: {CHNA: 129000, IND", "unknown region 'CHNA'"),
        ("polishing: {minerals: 0.5", "polishing: {mineral: 0.5", "unknown sector 'mineral'"),
        ("magnets: {Pr: 6137.4, Nd", "magnets: {Pr: 6137.4, Nb", "unknown element 'Nb'"),
        ("CHN: {bayan_obo: 0.55,", "CHN: {bayan_ubo: 0.55,", "unknown ore 'bayan_ubo'"),
        ("BRA: {BRA: 0.18, CHN: 0.55", "BRA: {BRA: 0.18, CHN: 0.65", "shares of BRA add to 1.1"),
        ("ree_elasticity_max:", "ree_elasticity_maximum:", "unknown key"),
        (
            "status: seen\n    soft: [Gd, Y]",
            "status: guessed\n    soft: [Gd, Y]",
            "expected one of seen, computed",
        ),
        ("value: 0.17\n", "value: 1.17\n", "<= 1"),
        ("value: 0.17\n", "value: 0.18\n", "outside its range"),
        ("range: [0.0, 0.17]", "range: [0.2, 0.17]", "the smaller number first"),
        ("range: [0.0, 0.17]", "range: [0.0, 1.17]", "1.17 leads the value to 1.17; expected less than"),
        (
            "JPN: 0.65, default: 0.7}\n    unit: share of output\n    source: by judgement",
            "JPN: 0.95, default: 0.7}\n    unit: share of output\n    source: by judgement",
            "1.2 leads JPN to 1.14; expected less than or equal to 1",
        ),
        ("  oxide_price:  # FOB China\n    value: {La: 4.88", "  oxide_price:\n    value: {La: -4.88", "> 0"),
        ("value: 0.17\n", "value: 1e-6x\n", "expected a number"),
        (
            "build_time:\n    value: {ree_mining: 7",
            "build_time:\n    value: {ree_mining: 7.5",
            "not whole years",
        ),
        ("elements: [La, Ce,", "elements: [La, La, Ce,", "stands twice"),
        (
            "capital: mobile, resource: 0}",
            "capital: -1, resource: 0}",
            "got the number -1; expected a number >= 0",
        ),
    ],
)
def test_what_is_wrong_in_the_yaml_is_named_with_its_line(copy, old, new, said):
    first = copy(old, new)
    lines = new.count("\n") + old.count("\n")
    problems = refused(copy.path)
    found = [problem for problem in problems if said in str(problem)]
    assert found, [str(problem) for problem in problems]
    assert found[0].file == str(copy.path)
    assert found[0].line is not None
    assert first - 4 <= found[0].line <= first + lines + 1  # the entry or the value in it


def test_all_wrong_names_are_told_at_once(copy):
    copy("value: {CHN: 129000, IND", "value: {CHNA: 129000, INDA")
    copy("magnets: {Pr: 6137.4, Nd", "magnets: {Pr: 6137.4, Nb")
    text = "\n".join(str(problem) for problem in refused(copy.path))
    assert all(name in text for name in ("CHNA", "INDA", "Nb"))


LAYERS = """\
based_on: china-2009-small
name: mine
titel: Mine
parameters:
  breadth: {value: 5, range: [0, 1], unit: ratio, status: seen}
  ree_elasticity: {valeu: {magnetz: 0.2, machinery: many}, unit: ratio, source: x, status: seeen, range_factor: [1, 2]}
  research_by_region: {value: {default: 1, Japn: 2}, range_factor: [2, 1], unit: ratio, source: x, status: seen}
  labor_shares: 3
rare_earths:
  magnet_price: {value: {default: -3}, range_factor: [1, 2], unit: USD/kg, source: x, status: seen}
"""


def test_mistakes_of_all_layers_are_told_at_once_and_each_once(tmp_path):
    (tmp_path / "mine.yaml").write_text(LAYERS)
    assert sorted(problem.where for problem in refused(tmp_path / "mine.yaml")) == [
        "parameters.breadth",
        "parameters.breadth.source",
        "parameters.labor_shares",
        "parameters.ree_elasticity.status",
        "parameters.ree_elasticity.valeu",
        "parameters.ree_elasticity.valeu.machinery",
        "parameters.ree_elasticity.valeu.magnetz",
        "parameters.research_by_region.range_factor",
        "parameters.research_by_region.value.Japn",
        "rare_earths.magnet_price.value.default",
        "titel",
    ]


def test_wrong_names_of_both_sections_are_told_at_once(copy):
    copy("value: {CHN: 129000, IND", "value: {CHNA: 129000, IND")
    copy("    value: {ree_mining: 7", "    value: {mining_of_ree: 7")
    text = "\n".join(str(problem) for problem in refused(copy.path))
    assert all(name in text for name in ("CHNA", "mining_of_ree"))


@pytest.mark.parametrize("held", [["chemicals"], []])
def test_trade_in_goods_that_no_sector_holds_cannot_carry_research(copy, monkeypatch, held):
    """Sectors of a concordance may have any names."""
    monkeypatch.setattr(parameters, "RESEARCH_GOODS", (*held, "optics", "cars"))
    line = copy("value: trade\n", "value: trade \n")
    (problem,) = refused(copy.path)
    assert problem.what == "no sector is or holds optics, cars, whose trade is meant"
    assert "uniform or own" in problem.expected
    assert (problem.file, problem.line) == (str(copy.path), line)
    copy("value: trade \n", "value: uniform\n")
    weights = calibration.load(copy.path).benchmark.parameters.spillover_region
    assert (weights == 1 / len(weights)).all()


def test_missing_tables_name_the_command_that_builds_them(copy):
    shutil.rmtree(copy.path.parent / "data")
    (problem,) = refused(copy.path)
    assert "run.py calibrate" in problem.expected
    assert problem.line


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("rare_earth_trade.csv", "CHN,JPN", "CHN,JPM", "got CHN, JPM; expected CHN, JPN"),
        ("rare_earth_trade.csv", "CHN,CHN,0,0,0,0\n", "CHN,CHN,0,0,0,x\n", "expected a number"),
        ("stated_output.csv", "region,agriculture", "region,farming", "other columns than"),
        ("stated_output.csv", "\nJPN,", "\nJPN,x", "not a row of numbers"),
    ],
)
def test_a_damaged_table_is_named_with_its_line(copy, file, old, new, said):
    path = copy.path.parent / "data" / "china-2009" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    (problem, *_) = refused(copy.path)
    assert problem.file == str(path)
    assert problem.line
    assert said in str(problem)


def test_tables_that_disagree_are_refused(copy):
    path = copy.path.parent / "data" / "china-2009" / "use.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    row = next(p for p, line in enumerate(lines) if line.startswith("JPN,metals,"))
    cells = lines[row].split(",")
    cells[5] = str(int(cells[5]) + 1000)
    lines[row] = ",".join(cells)
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    (problem,) = refused(copy.path)
    assert "JPN buys" in problem.what
    assert "of metals" in problem.what


def test_a_truncated_table_is_named(copy):
    path = copy.path.parent / "data" / "china-2009" / "use.csv.gz"
    path.write_bytes(path.read_bytes()[:2000])
    (problem,) = refused(copy.path)
    assert "gzip" in problem.what


def test_an_unknown_name_lists_the_shipped_ones():
    with pytest.raises(InputError, match=r"no calibration 'china-2008'.*did you mean china-2009"):
        calibration.load("china-2008")


def test_a_latent_plant_needs_a_share(copy):
    copy("      AUS: {ree_mining: 11000}", "      JPN: {ree_mining: 11000}")
    assert "can never open" in str(refused(copy.path)[0])


def test_editing_a_soft_number_changes_the_base_year_without_a_rebuild(copy):
    before = calibration.load(copy.path)
    copy("value: {CHN: 129000, IND", "value: {CHN: 119000, IND")
    after = calibration.load(copy.path)
    china, separation = 0, after.labels.sectors.index("ree_separation")
    assert after.benchmark.output[china, separation] < before.benchmark.output[china, separation]
    assert after.hashes["china-2009.yaml"] != before.hashes["china-2009.yaml"]
    assert after.hashes["use.csv.gz"] == before.hashes["use.csv.gz"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rest: ROW", "rest: RAW", "rest: unknown region 'RAW'"),
        (
            "  RUS: [Russian Federation]",
            "  RUSS: [Russian Federation]",
            "trade_names.RUSS: unknown region 'RUSS'",
        ),
        ("  JPN: [Japan]", "  JPN: [Japan, China]", "China stands under CHN, too"),
        (
            "# The same regions",
            "parameter_names: {regions: {within: {EU: DEW}}}\n# The same",
            "unknown region 'DEW'",
        ),
        (
            "# The same regions",
            "parameter_names: {sectors: {like: {optic: machinery}}}\n# The same",
            "unknown sector 'optic'",
        ),
        ("  USA: [USA]\n  KOR: [KOR]", "  USA: []\n  KOR: [USA, KOR]", "has 0; expected 1 or more"),
    ],
)
def test_what_leads_nowhere_in_a_concordance_is_named_with_its_line(copy, old, new, said):
    """They ended in tracebacks, or led to the default without a word."""
    path = copy.path.parent / "concordances" / "wiod2013-12x35.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    (problem,) = refused(copy.path)
    assert said in str(problem)
    assert problem.file == str(path)
    assert path.read_text().splitlines()[problem.line - 1] in new


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  IND: [IND]", "  world: [IND]", "regions.world: the name 'world' is a word for several of them"),
        (
            "  wood: [c6]",
            "  magnets: [c6]",
            "sectors.magnets: the name 'magnets' is that of a part of the rare-earth",
        ),
        ("  wood: [c6]", "  all: [c6]", "sectors.all: the name 'all' is a word for several of them"),
        ("  wood: [c6]", "  Dy: [c6]", "elements[8]: the name 'Dy' is that of a sector"),
    ],
)
def test_names_that_already_mean_something_are_refused(copy, old, new, said):
    """Two sectors called magnets passed `check`, and the wrong one was the stage."""
    path = copy.path.parent / "concordances" / "wiod2013-12x35.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    assert any(said in str(problem) for problem in refused(copy.path))


def test_without_cerium_there_is_no_chain(copy):
    copy("elements: [La, Ce,", "elements: [La,")
    copy("Ce: 3.88, ", "")
    assert any("elements: no Ce, of which" in str(problem) for problem in refused(copy.path))


@pytest.mark.parametrize(
    ("destinations", "said"),
    [
        (
            "USA: {tonnes: 60000}",
            "tonnes of 55,431, where destinations that are named have 60,000; expected as much or more",
        ),
        ("CHN: {value: 5}", "value to CHN, to which the trade data have no exports"),
        (
            ", ".join(
                f"{name}: {{tonnes: 1000}}"
                for name in ["JPN", "USA", "KOR", "TWN", "DEU", "REU", "IND", "RUS", "BRA", "AUS", "ROW"]
            ),
            "tonnes of 55,431, where destinations that are named have 11,000; expected as much, or a destination",
        ),
    ],
)
def test_customs_figures_that_do_not_go_together_are_refused(tmp_path, destinations, said):
    """The first gave others less than nothing without a word, the others ended in tracebacks."""
    (tmp_path / "mine.yaml").write_text(
        "based_on: world-2024\nname: mine\nrare_earths:\n  customs_destination:\n"
        f"    value: {{{destinations}}}\n"
        "    unit: t and million USD\n    source: a test\n    status: analyst\n    range_factor: [1, 1]\n"
    )
    (problem,) = refused(tmp_path / "mine.yaml")
    assert said in str(problem)


def test_a_file_based_on_another_replaces_whole_entries(tmp_path):
    (tmp_path / "base.yaml").write_text("a: 1\nb: {x: 1}\nparameters:\n  p: {value: 1}\n  q: {value: 2}\n")
    (tmp_path / "top.yaml").write_text("based_on: base.yaml\nb: {y: 2}\nparameters:\n  q: {value: 3}\n")
    document, files = inherit.load(tmp_path / "top.yaml")
    assert document.data["a"] == 1
    assert document.data["b"] == {"y": 2}
    assert document.data["parameters"] == {"p": {"value": 1}, "q": {"value": 3}}
    assert [path.name for path in files] == ["top.yaml", "base.yaml"]
    own = document.problem(("parameters", "q", "value"), "wrong")
    inherited = document.problem(("parameters", "p", "value"), "wrong")
    assert (Path(own.file).name, own.line) == ("top.yaml", 4)
    assert (Path(inherited.file).name, inherited.line) == ("base.yaml", 4)


def test_a_file_anywhere_can_be_based_on_a_shipped_calibration(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nbased_on: china-2009\nlimits: [mine]\n")
    mine, shipped = calibration.load(tmp_path / "mine.yaml"), calibration.load("china-2009")
    assert mine.name == "mine"
    assert mine.limits == ("mine",)
    assert np.array_equal(mine.benchmark.output, shipped.benchmark.output)
    (tmp_path / "mine.yaml").write_text("name: mine\nbased_on: chin-2009\n")
    with pytest.raises(InputError, match=r"mine.yaml:2: based_on: no calibration.*did you mean china-2009"):
        calibration.load(tmp_path / "mine.yaml")


def test_files_of_one_name_are_told_apart_however_deep(tmp_path):
    """Tables and concordance are those of the file that names them, three files down."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "cal.yaml").write_text("name: mine\nbased_on: sub/cal.yaml\n")
    (tmp_path / "sub" / "cal.yaml").write_text("name: inner\nbased_on: china-2009-small\n")
    first = calibration.load(tmp_path / "cal.yaml").hashes
    for name in ("cal.yaml", "sub/cal.yaml"):
        (tmp_path / name).write_text((tmp_path / name).read_text() + "# changed\n")
        second = calibration.load(tmp_path / "cal.yaml").hashes
        assert len([key for key in first if first[key] != second[key]]) == 1
        first = second


def test_files_based_on_each_other_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("based_on: b.yaml\n")
    (tmp_path / "b.yaml").write_text("based_on: a.yaml\n")
    with pytest.raises(InputError, match="leads back"):
        inherit.load(tmp_path / "a.yaml")


def test_a_name_too_long_for_a_file_is_no_calibration(tmp_path):
    (tmp_path / "a.yaml").write_text(f"based_on: {'x' * 5000}\n")
    with pytest.raises(InputError, match="no calibration"):
        inherit.load(tmp_path / "a.yaml")


def namer():
    return Namer(loads("value:\n  DEU: 1\n"))


def test_rates_are_averaged_and_amounts_added_where_a_group_holds_several_names():
    axis = Axis("region", ("CHN", "EUR"), within={"DEU": "EUR", "REU": "EUR"})
    rates, _ = axis.row({"CHN": 1.0, "DEU": 2.0, "REU": 4.0}, None, amounts=False)
    amounts, _ = axis.row({"CHN": 1.0, "DEU": 2.0, "REU": 4.0}, 0.0, amounts=True)
    np.testing.assert_array_equal(rates, [1, 3])
    np.testing.assert_array_equal(amounts, [1, 6])


def test_members_of_a_group_that_are_left_out_count_with_the_default():
    """Brazil's lean to catalysts was that of all of the rest of the world."""
    axis = Axis("region", ("EUR", "ROW"), within={"DEU": "EUR", "REU": "EUR", "BRA": "ROW", "ROW": "ROW"})
    values = {"BRA": 4.0, "DEU": 1.0, "default": 2.0}
    rates, _ = axis.row(values, 2.0, amounts=False)
    np.testing.assert_array_equal(rates, [1.5, 3])
    amounts, _ = axis.row(values, 0.0, amounts=True)
    np.testing.assert_array_equal(amounts, [1, 4])
    fallback, _ = axis.row(
        {"BRA": 4.0}, 1.0, amounts=False
    )  # what stands in for a missing number is no number
    np.testing.assert_array_equal(fallback, [1, 4])
    all_named, _ = axis.row({"BRA": 4.0, "ROW": 1.0, "REU": 2.0, "DEU": 4.0}, None, amounts=False)
    np.testing.assert_array_equal(all_named, [3, 2.5])


def test_members_of_a_group_take_its_rates_but_never_its_amounts():
    axis = Axis("region", ("CHN", "FRA", "ITA"), like={"FRA": "REU", "ITA": "REU"})
    rates, _ = axis.row({"REU": 4.0, "FRA": 5.0, "default": 9.0}, 9.0, amounts=False)
    np.testing.assert_array_equal(rates, [9, 5, 4])
    assert "REU" not in axis.known(amounts=True)
    assert "REU" in axis.known(amounts=False)


def test_a_name_without_a_value_is_named():
    axis = Axis("region", ("CHN", "JPN"))
    _, lacking = axis.row({"CHN": 1.0}, None, amounts=False)
    assert lacking == ["JPN"]


def test_a_quota_rent_in_the_base_year_lowers_the_gate_price_and_balances(copy):
    free = calibration.load(copy.path)
    old = "value: 0.0\n    unit: USD/kg of exports, paid before duty"
    copy(old, old.replace("0.0", "0.8"))
    copy(
        "quota of 50,145 t\n    status: computed\n    range: [0.0, 0.0]",
        "quota\n    status: computed\n    range: [0.0, 1.0]",
    )
    rent = calibration.load(copy.path)
    elements = rent.benchmark.elements
    assert np.all(rent.benchmark.licence[0, elements] == 0.8)
    np.testing.assert_allclose(
        rent.benchmark.unit_value[0, elements], free.benchmark.unit_value[0, elements] - 0.8
    )
    np.testing.assert_allclose(facts.Measures(rent).fob[0, 1:], facts.Measures(free).fob[0, 1:], rtol=1e-9)
    assert facts.unmet(facts.compare(rent)) == ()  # export value is met with the rent in it
    copy("value: 0.8", "value: 5.0")
    copy("range: [0.0, 1.0]", "range: [0.0, 9.0]")
    assert "base_licence exceeds" in str(refused(copy.path)[0])

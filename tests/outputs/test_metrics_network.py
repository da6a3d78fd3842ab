"""The network of shipped base years: graphs that others can read, chokepoints, removals, the command."""

from dataclasses import replace
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

import calibration
import run
from calibration.errors import InputError
from model.network import FINAL, SECTOR, node_names
from outputs.metrics import base, elasticity, export, findings, flowmap, network, networktables, removal

SMALL = "china-2009-small"


@pytest.fixture(scope="module")
def ready():
    return base.prepare(calibration.load(SMALL))


@pytest.fixture(scope="module")
def found(ready):
    return network.measure(ready, solved=False)


# Graphs


@pytest.fixture(scope="module")
def written(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    colours = export.region_colours(found.base.labels.regions, found.base.restricting_names)
    export.write(found.graph, folder, "rare_earths", colours)
    export.write(found.production, folder, "production", colours)
    return folder


@pytest.mark.parametrize("name", ["rare_earths", "production"])
@pytest.mark.parametrize("read", [nx.read_graphml, nx.read_gexf])
def test_graphs_are_read_back_as_they_were(found, written, name, read):
    original = found.graph if name == "rare_earths" else found.production
    again = read(written / f"{name}.{read.__name__.removeprefix('read_')}")
    assert set(again) == set(original)
    assert set(again.edges) == set(original.edges)
    for node, data in original.nodes(data=True):
        for key, value in data.items():
            assert again.nodes[node][key] == pytest.approx(value), (node, key)
    weight = "tonnes" if name == "rare_earths" else "value"
    for u, v, data in original.edges(data=True):
        assert float(again.edges[u, v]["weight"]) == pytest.approx(data[weight])


def test_gexf_places_and_colours_every_node(written):
    graph = nx.read_gexf(written / "rare_earths.gexf")
    for _, data in graph.nodes(data=True):
        assert set(data["viz"]) == {"position", "color", "size"}
    columns = {
        kind: np.mean([d["viz"]["position"]["x"] for _, d in graph.nodes(data=True) if d["kind"] == kind])
        for kind in ("mine", "separator", "element", SECTOR, FINAL)
    }
    assert list(columns.values()) == sorted(columns.values())


def test_the_same_graph_is_the_same_bytes(found, written, tmp_path):
    colours = export.region_colours(found.base.labels.regions, found.base.restricting_names)
    for path in export.write(found.graph, tmp_path, "rare_earths", colours):
        assert path.read_bytes() == (written / path.name).read_bytes()


def test_a_smaller_limit_shows_more(ready, found):
    more = network.measure(ready, solved=False, smallest=1e-4)
    assert set(found.graph) < set(more.graph)
    assert found.graph.graph["shown"] < more.graph.graph["shown"] <= 1


# The flow map


def test_columns_of_the_flow_map_hold_all_tonnes(found):
    columns, tables = flowmap.columns(found)
    assert len(columns) == 5
    for table in tables:
        assert table.sum() == pytest.approx(found.flows.total)
    for left, right in pairwise(tables):
        np.testing.assert_allclose(left.sum(axis=0), right.sum(axis=1), rtol=1e-9)


# Chokepoints and rerouting


def test_closing_more_leaves_less_and_wider_links_leave_more(found):
    assert found.chokepoints
    for point in found.chokepoints:
        assert point.element == "Dy"
        for stretch in network.STRETCHES:
            few, many = (point.cuts[closing, stretch].covered for closing in network.CLOSINGS)
            assert many <= few + 1e-9
        covered = [point.cuts[network.CLOSINGS[1], stretch].covered for stretch in network.STRETCHES]
        assert covered == sorted(covered)
        shares = [share for _, share in point.through]
        assert shares == sorted(shares, reverse=True)
        assert all(0 < share <= 1 + 1e-12 for share in shares)


def test_wider_links_and_more_plants_bring_more(found):
    table = networktables.rerouting(found)
    assert (
        table["alone, links without limit [share]"] >= table["alone, links 2 times as wide [share]"] - 1e-9
    ).all()
    assert set(table["region"]).isdisjoint(found.base.restricting_names)
    together = networktables.together(found)
    assert (
        together["with plant that could open [share]"] >= together["links without limit [share]"] - 1e-9
    ).all()


def test_ore_shares_of_every_separator_sum_to_one(ready):
    made = ready.flows.element_tonnes.sum(axis=2) > 0
    np.testing.assert_allclose(ready.ore.sum(axis=1)[made], 1)


def test_several_elements_are_looked_at_one_by_one(ready):
    two = network.measure(ready, solved=False, elements=["Nd", "Dy"], targets=["EUR:transport_equipment"])
    assert [(p.element, p.target) for p in two.chokepoints] == [
        ("Nd", "EUR:transport_equipment"), ("Dy", "EUR:transport_equipment"),
    ]  # fmt: skip
    assert two.graph.graph["elements"] == "Nd Dy"


def test_all_unknown_names_are_reported_at_once(ready):
    with pytest.raises(InputError) as error:
        network.measure(ready, elements=["Dz"], targets=["EUR:cars"], removed=["CHN:magnet"])
    text = str(error.value)
    assert "unknown element 'Dz'" in text
    assert "unknown node 'EUR:cars'" in text
    assert "did you mean CHN:magnets" in text


# Removal


def embodied_elsewhere(ready, region, flows=None, direct=None):
    """Value of elements in what other regions finally use."""
    flows = flows or ready.flows
    wanted = flows.final[:, np.arange(flows.final.shape[1]) != region].sum(axis=1)
    need = np.linalg.solve(np.eye(len(wanted)) - flows.coefficients, wanted)
    used = flows.element_value if direct is None else direct
    per = np.divide(used, flows.output, out=np.zeros_like(used), where=flows.output > 0)
    return float((per.sum(axis=(0, 1)) * need).sum())


def test_without_a_separators_exports_its_elements_are_missing_abroad(ready):
    labels = ready.labels
    china, sector = labels.regions.index("CHN"), labels.sectors.index("ree_separation")
    left = ready.flows.element_value.copy()
    away = np.repeat(np.arange(len(labels.regions)) != china, len(labels.sectors))
    left[:, china, away] = 0.0
    expected = 1 - embodied_elsewhere(ready, china, direct=left) / embodied_elsewhere(ready, china)
    assert removal.flow_share(ready, china, sector) == pytest.approx(expected, rel=1e-9)


def test_without_a_sectors_exports_its_products_are_missing_abroad(ready):
    from model.exposure import Flows

    labels, flows = ready.labels, ready.flows
    region, sectors = labels.regions.index("CHN"), len(labels.sectors)
    m = region * sectors + labels.sectors.index("magnets")
    table, final = flows.intermediate.copy(), flows.final.copy()
    away = np.repeat(np.arange(len(labels.regions)) != region, sectors)
    table[m, away] = 0.0
    final[m, np.arange(final.shape[1]) != region] = 0.0
    cut = Flows(table, final, flows.output, flows.element_value, flows.element_tonnes)
    expected = 1 - embodied_elsewhere(ready, region, cut) / embodied_elsewhere(ready, region)
    assert removal.flow_share(ready, region, labels.sectors.index("magnets")) == pytest.approx(
        expected, rel=1e-8
    )


def test_removals_are_solved_beside_the_table(ready):
    nodes = removal.default_nodes(ready, 4)
    assert len(nodes) == 4
    assert set(nodes) <= set(node_names(ready.labels))
    (one,) = removal.removals(ready, ["JPN:magnets"])
    assert one.why == ""
    assert one.exports > 0
    assert one.solved_loss is not None and one.solved_loss > 0
    assert one.table_loss > 0
    with pytest.raises(InputError, match="unknown node"):
        removal.removals(ready, ["JPN:magnet"])


def test_what_hangs_on_a_node_is_counted_in_other_regions(ready, monkeypatch):
    """Value added of its own region is no loss of others, in whichever sector it is."""
    b, names = ready.calibration.benchmark, list(node_names(ready.labels))
    m, sectors = names.index("JPN:magnets"), b.output.shape[1]
    lost = np.arange(1.0, len(names) + 1)
    monkeypatch.setattr(removal, "without_exports", lambda flows, node: lost)
    (one,) = removal.removals(ready, ["JPN:magnets"])
    own = range(sectors * (m // sectors), sectors * (m // sectors + 1))
    elsewhere = [at for at in range(len(names)) if at not in own]
    assert one.table_loss == pytest.approx(sum(lost[at] * ready.flows.value_added[at] for at in elsewhere))


def test_exports_are_sales_abroad(ready):
    flows, regions, sectors = ready.flows, len(ready.labels.regions), len(ready.labels.sectors)
    at_home = np.zeros(regions * sectors)
    for n in range(regions):
        own = slice(n * sectors, (n + 1) * sectors)
        at_home[own] = flows.intermediate[own, own].sum(axis=1) + flows.final[own, n]
    np.testing.assert_allclose(removal.exports_of(ready), flows.output - at_home, rtol=1e-9, atol=1e-6)


# Tables, figures, the command


def test_positions_are_finite_and_ordered(found):
    table = networktables.positions(found)
    numbers = table.select_dtypes("number").to_numpy()
    assert np.isfinite(numbers).all()
    assert (np.diff(table["elements passing through [share]"]) <= 0).all()
    assert (table["total requirements, Katz [USD per USD]"] >= 1).all()


def test_the_command_writes_graphs_and_tables(tmp_path, capsys):
    command = [
        "network",
        SMALL,
        "--element",
        "Dy",
        "--no-solve",
        "--no-figures",
        "--quiet",
        "--out",
        str(tmp_path),
    ]
    assert run.guarded(command) == 0
    (folder,) = tmp_path.iterdir()
    assert {path.name for path in (folder / "graphs").iterdir()} == {
        "rare_earths.graphml", "rare_earths.gexf", "production.graphml", "production.gexf",
    }  # fmt: skip
    assert (folder / "tables" / "chokepoints.csv").is_file()
    assert run.guarded(command) == 0
    assert list(tmp_path.iterdir()) == [folder]
    capsys.readouterr()


@pytest.mark.parametrize(
    "arguments", [["--element", "Q"], ["--target", "EUR:cars"], ["--remove", "x"], ["--restricting", "XXX"]]
)
def test_wrong_input_ends_with_code_2_and_writes_nothing(arguments, tmp_path, capsys):
    assert run.guarded(["network", SMALL, *arguments, "--no-figures", "--out", str(tmp_path)]) == 2
    assert "unknown" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_elements_and_regions_are_known_by_their_names(tmp_path, capsys):
    wrong = ["--element", "Dysprosium"]
    assert run.guarded(["network", SMALL, *wrong, "--no-figures", "--out", str(tmp_path)]) == 2
    assert "did you mean Dy?" in capsys.readouterr().err
    wrong = ["--restricting", "United States"]
    assert run.guarded(["network", SMALL, *wrong, "--no-figures", "--out", str(tmp_path)]) == 2
    assert "did you mean USA?" in capsys.readouterr().err


def test_figures_are_drawn(ready, found, tmp_path):
    from outputs.metrics import networkfigures

    full = replace(found, removals=tuple(removal.removals(ready, ["JPN:magnets", "EUR:magnets"])))
    drawn = networkfigures.draw(full, tmp_path)
    assert {path.stem for path in drawn} == {
        "flow_map", "network_map", "positions", "rerouting", "chokepoints", "removal",
    }  # fmt: skip
    assert all(path.stat().st_size > 20_000 for path in drawn)


@pytest.mark.parametrize("loss", [28.0, -28.0])
def test_a_removal_from_which_others_gain_is_no_cost(found, loss):
    """Of one that others gain 28 million USD from: "costs others most in the solved model (-28 million USD)"."""
    one = removal.Removal("ROW:ree_mining", "stage", 470.0, 0.16, 32.0, loss, 454.0)
    said = findings.of_network(replace(found, removals=(one,)))["removal"]
    assert "-28" not in said
    assert ("costs others most in the solved model (28 million USD)" in said) == (loss > 0)
    assert ("without those of ROW:ree_mining they gain 28 million USD" in said) == (loss < 0)


def test_metrics_of_other_numbers_are_theirs_not_those_of_the_file(ready):
    """What every mine gives to separators, added up, is what it gives."""
    changes = {"mine_output.IND": 10.0, "substitutability.La": 0.5, "ree_elasticity_max": 0.6}
    varied = base.prepare(calibration.vary(ready.calibration, changes))
    chain, reo = varied.calibration.chain, varied.calibration.benchmark.reo_content
    made = chain.production * reo[varied.calibration.benchmark.elements]
    mined = dict(zip(varied.labels.regions, np.einsum("eoi,ie->o", varied.ore, made), strict=True))
    wanted = varied.calibration.settings.rare_earths.mine_output.value
    assert mined["ROW"] == pytest.approx(wanted["ROW"] + 27000 + 550 + 2400)  # India, Brazil, Russia
    np.testing.assert_allclose(
        elasticity.elasticities(varied, varied.score),
        varied.calibration.benchmark.parameters.ree_elasticity,
        atol=1e-3,
    )


def test_an_ore_without_any_of_the_elements_leaves_the_others_as_they_are(ready):
    """One that is no number spread to every mine."""
    given = ready.calibration.settings
    r = given.rare_earths
    grades = {**r.ore_composition.value, "barren": {"Ce": 0.0}}
    ores = r.ore_composition.model_copy(update={"value": grades})
    settings = given.model_copy(update={"rare_earths": r.model_copy(update={"ore_composition": ores})})
    other = replace(ready, calibration=replace(ready.calibration, settings=settings))
    np.testing.assert_array_equal(other.ore, ready.ore)


@pytest.mark.parametrize(
    ("covered", "said"),
    [
        ((0.0, 0.004), "cover 0 % of every element used outside China."),
        ((0.04, 0.12), "cover 4 % (A) to 12 % (B) of what is used outside China."),
    ],
)
def test_what_plant_elsewhere_covers_is_told_once_where_it_is_one_number(found, covered, said):
    """It said "0 % (Ce) to 0 % (Ce)"."""
    one = next(iter(found.rerouting.values()))[np.inf]
    need = float(one.need[~one.restricting].sum())
    by_element = {
        name: {np.inf: replace(one, together=share * need)} for name, share in zip("AB", covered, strict=True)
    }
    assert findings._rerouting(replace(found, rerouting=by_element)).endswith(said)

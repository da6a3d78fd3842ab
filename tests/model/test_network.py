"""The base year as a network: against networkx, naive recomputation and closed forms."""

from itertools import islice
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from model import supply_paths
from model.centrality import betweenness, katz, pagerank, strongest_paths, transmission
from model.chokepoints import (
    chokepoint,
    extraction,
    extraction_of_each,
    gatekeepers,
    passing_through,
    rerouting,
    smallest_cut,
    without_exports,
)  # fmt: skip
from model.exposure import downstreamness, intensity, world_table
from model.network import (
    articulation_points,
    communities,
    element_flows,
    node_names,
    production_graph,
    rare_earth_graph,
)  # fmt: skip
from model.supply_paths import Start, first_users, largest_paths
from tests.worlds import Sizes, world

REGIONS, MINING, SEPARATION = 3, 4, 5


def concentrate_shares(flows, mining, separation):
    """(i,n) share of each mine (row) in the concentrate that a separator (column) buys, by value; 0 without any."""
    regions = flows.final.shape[1]
    sectors = len(flows.output) // regions
    table = flows.intermediate.reshape(regions, sectors, regions, sectors)[:, mining, :, separation]
    total = table.sum(axis=0)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)


@pytest.fixture(scope="module")
def bench():
    return world(11, Sizes(REGIONS, 4, 2, 1), sparse=True)


@pytest.fixture(scope="module")
def flows(bench):
    return world_table(bench[0])


@pytest.fixture(scope="module")
def direct(flows):
    """(m,) tonnes of the first element per unit of output."""
    return flows.element_tonnes[0].sum(axis=0) / flows.output


@pytest.fixture(scope="module")
def graph(bench, flows):
    """All flows of both elements."""
    ore = np.repeat(concentrate_shares(flows, MINING, SEPARATION)[None], 2, axis=0)
    found = element_flows(flows, bench[1], ore)
    return rare_earth_graph(flows, found, bench[1], bench[0].stage_sector, smallest=0.0)


def leontief(coefficients):
    return np.linalg.inv(np.eye(len(coefficients)) - coefficients)


# Positions, held against networkx


def weighted(flows, smallest=0.0):
    names = range(len(flows.output))
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    for u, v in zip(*np.nonzero(flows.coefficients > smallest), strict=True):
        share = float(flows.coefficients[u, v])
        graph.add_edge(
            int(u), int(v), share=share, distance=-np.log(share), value=float(flows.intermediate[u, v])
        )
    return graph


def test_pagerank_is_that_of_networkx(flows):
    expected = nx.pagerank(weighted(flows).reverse(), weight="value", tol=1e-14, max_iter=1000)
    np.testing.assert_allclose(pagerank(flows), [expected[m] for m in range(len(flows.output))], atol=1e-10)


def test_pagerank_of_nodes_without_inputs_goes_to_all_alike():
    bought = np.array([[0.0, 3, 0, 0], [0, 0, 5, 0], [0, 1, 0, 0], [0, 0, 2, 0]])  # from row to column
    graph = nx.DiGraph()
    graph.add_nodes_from(range(4))
    graph.add_weighted_edges_from((b, s, v) for (s, b), v in np.ndenumerate(bought) if v)
    expected = nx.pagerank(graph, tol=1e-14, max_iter=1000)
    found = pagerank(SimpleNamespace(intermediate=bought))
    np.testing.assert_allclose(found, [expected[m] for m in range(4)], atol=1e-11)
    assert found.sum() == pytest.approx(1, abs=1e-12)
    even = pagerank(SimpleNamespace(intermediate=bought), damping=0.0)
    np.testing.assert_allclose(even, 0.25, rtol=1e-15)


def test_pagerank_says_when_it_does_not_converge(flows):
    with pytest.raises(ValueError, match="converge in 2 rounds"):
        pagerank(flows, limit=2)


@pytest.mark.parametrize("attenuation", [0.5, 0.9])
def test_katz_is_that_of_networkx(flows, attenuation):
    expected = nx.katz_centrality(
        weighted(flows), alpha=attenuation, weight="share", normalized=False, tol=1e-12
    )
    np.testing.assert_allclose(
        katz(flows, attenuation), [expected[m] for m in range(len(flows.output))], rtol=1e-8
    )


def test_katz_without_attenuation_is_total_requirements(flows):
    np.testing.assert_allclose(katz(flows), leontief(flows.coefficients).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(katz(flows), katz(flows, 1 - 1e-12), rtol=1e-9)
    np.testing.assert_allclose(katz(flows), downstreamness(flows), rtol=1e-12)


@pytest.mark.parametrize("smallest", [0.0, 0.01])
def test_betweenness_is_that_of_networkx(flows, smallest):
    expected = nx.betweenness_centrality(weighted(flows, smallest), weight="distance")
    found = betweenness(strongest_paths(flows, smallest))
    np.testing.assert_allclose(found, [expected[m] for m in range(len(flows.output))], atol=1e-12)


def test_the_middle_of_three_is_between_all_others():
    line = csr_array(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    np.testing.assert_array_equal(betweenness(line), [0.0, 1.0, 0.0])


def test_links_as_strong_as_certainty_are_the_shortest_there_are():
    """A purchase of more than the buyer's output (stocks) has no positive length -ln of its coefficient."""
    flows = SimpleNamespace(coefficients=np.array([[0.7, 1.5, 0.2], [0.0, 0.0, 1.0], [1e-5, 0.0, 0.0]]))
    lengths = strongest_paths(flows)
    wanted = [[0.0, 1e-12, -np.log(0.2)], [0.0, 0.0, 1e-12], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(lengths.toarray(), wanted, rtol=1e-14)


def test_betweenness_from_some_sources_is_scaled_to_all(flows):
    lengths = strongest_paths(flows)
    nodes = lengths.shape[0]
    parts = [betweenness(lengths, np.array([m])) / nodes for m in range(nodes)]
    np.testing.assert_allclose(np.sum(parts, axis=0), betweenness(lengths), atol=1e-12)


# Supply paths


def test_paths_come_largest_first_and_add_up_to_all_use(flows):
    paths = list(largest_paths(flows, first_users(flows, 0), smallest=1e-5 * flows.element_tonnes[0].sum()))
    amounts = np.array([path.amount for path in paths])
    assert (np.diff(amounts) <= 1e-12 * amounts[0]).all()
    assert 0.9 < amounts.sum() / flows.element_tonnes[0].sum() < 1
    assert len({(path.before, path.nodes, path.buyer) for path in paths}) == len(paths)


def test_no_large_path_is_missed(flows, direct):
    """Every path of up to three sectors, by loops."""
    a, final = flows.coefficients, flows.final
    nodes, least = range(len(direct)), 2e-3 * flows.element_tonnes[0].sum()
    expected = {}
    for u in nodes:
        for n in range(REGIONS):
            expected[(u,), n] = direct[u] * final[u, n]
        for v in nodes:
            for n in range(REGIONS):
                expected[(u, v), n] = direct[u] * a[u, v] * final[v, n]
            for w in nodes:
                for n in range(REGIONS):
                    expected[(u, v, w), n] = direct[u] * a[u, v] * a[v, w] * final[w, n]
    expected = {key: amount for key, amount in expected.items() if amount >= least}
    starts = [Start((), int(m), float(direct[m])) for m in np.flatnonzero(direct)]
    found = {
        (p.nodes, p.buyer): p.amount
        for p in largest_paths(flows, starts, smallest=least)
        if len(p.nodes) <= 3
    }
    assert len(expected) > 20
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[key] for key in expected], list(expected.values()), rtol=1e-12)


def test_paths_from_the_mine_keep_its_share(flows):
    ore = concentrate_shares(flows, MINING, SEPARATION)
    np.testing.assert_allclose(ore.sum(axis=0), 1)
    least = 1e-5 * flows.element_tonnes[0].sum()
    mined = np.zeros(REGIONS)
    for path in largest_paths(flows, first_users(flows, 0, ore=ore), smallest=least):
        mined[path.before[0]] += path.amount
    expected = ore @ flows.element_tonnes[0].sum(axis=1)
    np.testing.assert_allclose(mined / mined.sum(), expected / expected.sum(), rtol=0.02)
    assert {path.before for path in islice(largest_paths(flows, first_users(flows, 0, origin=1)), 50)} == {
        (1,)
    }


def test_mines_of_which_nothing_is_bought_have_no_share(bench, flows):
    """A separator without concentrate: every mine's share of it is 0."""
    sectors = len(flows.output) // REGIONS
    bought = flows.intermediate.copy()
    bought[:, sectors + SEPARATION] = 0.0
    without = SimpleNamespace(final=flows.final, output=flows.output, intermediate=bought)
    found, full = (concentrate_shares(f, MINING, SEPARATION) for f in (without, flows))
    np.testing.assert_array_equal(found[:, 1], 0.0)
    np.testing.assert_array_equal(found[:, [0, 2]], full[:, [0, 2]])
    for i, n in np.ndindex(REGIONS, REGIONS):
        table = flows.intermediate[MINING::sectors, n * sectors + SEPARATION]
        assert full[i, n] == pytest.approx(table[i] / table.sum(), rel=1e-14)


def test_first_users_hold_the_tonnes_they_buy(flows):
    ore = np.array([[0.5, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    tonnes = flows.element_tonnes[1]
    plain = first_users(flows, 1)
    assert {(start.before, start.node) for start in plain} == {
        ((int(i),), int(m)) for i, m in np.argwhere(tonnes > 0)
    }
    for start in plain:
        (i,) = start.before
        assert start.amount * flows.output[start.node] == pytest.approx(tonnes[i, start.node], rel=1e-14)
    mined = first_users(flows, 1, origin=0, ore=ore)
    assert {start.before for start in mined} == {(0, 0), (1, 0)}
    assert all(
        start.amount * flows.output[start.node] == pytest.approx(0.5 * tonnes[0, start.node])
        for start in mined
    )


def test_paths_cost_what_is_taken_of_them(flows, monkeypatch):
    """No start is opened before its turn: after one path out of many, one start and what follows it."""
    made, kept = [], supply_paths._Branch

    def counted(*arguments, **options):
        made.append(arguments[1])
        return kept(*arguments, **options)

    monkeypatch.setattr(supply_paths, "_Branch", counted)
    starts = first_users(flows, 0)
    assert len(starts) > 5
    first = next(largest_paths(flows, starts))
    assert {nodes[0] for nodes in made if len(nodes) == 1} < {start.node for start in starts}
    assert len(made) < 2 * len(starts)
    mass = [start.amount * flows.output[start.node] for start in starts]
    assert first.amount <= max(mass)


def test_starts_without_mass_have_no_paths(flows):
    assert list(largest_paths(flows, [Start((), 3, 0.0)])) == []
    assert list(largest_paths(flows, [])) == []


def test_transmission_counts_middles_of_paths(flows, direct):
    """Stage by stage: what arrives at m after k links, times what m still sends over l links."""
    a, arriving, sent = flows.coefficients, [direct], [flows.final.sum(axis=1)]
    for _ in range(80):
        arriving.append(arriving[-1] @ a)
        sent.append(a @ sent[-1])
    expected = sum(arriving[k] * sent[stage] for k in range(1, 80) for stage in range(1, 80))
    np.testing.assert_allclose(transmission(flows, direct), expected, rtol=1e-10)


# Removal and extraction, held against naive recomputation


def test_what_passes_through_a_node_is_lost_without_it(flows, direct):
    wanted = flows.final[:, 1]
    share = passing_through(flows, direct, wanted)
    total = direct @ leontief(flows.coefficients) @ wanted
    for m in range(len(direct)):
        keep = np.arange(len(direct)) != m
        left = direct[keep] @ leontief(flows.coefficients[np.ix_(keep, keep)]) @ wanted[keep]
        np.testing.assert_allclose(1 - left / total, share[m], atol=1e-12)


def test_extraction_of_each_is_extraction_of_one(flows):
    found = extraction_of_each(flows)
    a, final = flows.coefficients, flows.final.sum(axis=1)
    for m in (0, 3, 8, 20):
        alone = np.arange(len(final)) == m
        lost = extraction(flows, alone)
        np.testing.assert_allclose(lost.sum(), found.output[m], rtol=1e-10)
        np.testing.assert_allclose(lost @ flows.value_added, found.value_added[m], rtol=1e-10)
        np.testing.assert_allclose(lost[m], flows.output[m], rtol=1e-12)
        without_column = np.where(alone[None, :], 0.0, a)
        np.testing.assert_allclose(
            (flows.output - leontief(without_column) @ final).sum(), found.backward[m], rtol=1e-9
        )
        without_row = np.where(alone[:, None], 0.0, a)
        np.testing.assert_allclose(
            (flows.output - leontief(without_row) @ final).sum(), found.forward[m], rtol=1e-9
        )


def test_extraction_of_several_is_a_world_without_them(flows):
    removed = np.isin(np.arange(len(flows.output)), [2, 9, 10])
    keep = ~removed
    left = leontief(flows.coefficients * keep[:, None] * keep) @ (flows.final.sum(axis=1) * keep)
    np.testing.assert_allclose(extraction(flows, removed), flows.output - left, rtol=1e-10, atol=1e-10)


def test_without_exports_only_sales_abroad_go(flows):
    node = 9  # in region 1
    sectors = len(flows.output) // REGIONS
    home = slice(sectors, 2 * sectors)
    a, final = flows.coefficients.copy(), flows.final.copy()
    row, sold = np.zeros(len(a)), np.zeros(REGIONS)
    row[home], sold[1] = a[node, home], final[node, 1]
    a[node], final[node] = row, sold
    left = leontief(a) @ final.sum(axis=1)
    np.testing.assert_allclose(without_exports(flows, node), flows.output - left, rtol=1e-9, atol=1e-9)


# Graphs


def test_production_graph_keeps_large_links_and_plain_attributes(bench, flows):
    graph = production_graph(flows, bench[1], smallest=0.02)
    assert list(graph) == node_names(bench[1])
    shares = [data["cost_share"] for _, _, data in graph.edges(data=True)]
    assert len(shares) == (flows.coefficients > 0.02).sum()
    assert min(shares) > 0.02
    for data in [*(d for _, d in graph.nodes(data=True)), *(d for _, _, d in graph.edges(data=True))]:
        assert all(type(value) in (str, int, float) for value in data.values())


def test_links_of_the_production_graph_are_the_table(bench, flows):
    names, graph = node_names(bench[1]), production_graph(flows, bench[1], smallest=0.02)
    for u, v, data in graph.edges(data=True):
        s, b = names.index(u), names.index(v)
        assert data["value"] == flows.intermediate[s, b]
        assert data["cost_share"] == pytest.approx(flows.intermediate[s, b] / flows.output[b], rel=1e-14)
        assert data["distance"] == pytest.approx(-np.log(data["cost_share"]), rel=1e-14)
    up, down = np.linalg.inv(np.eye(len(names)) - flows.intermediate / flows.output[:, None]), flows.leontief
    for m, name in enumerate(names):
        node = graph.nodes[name]
        assert (node["output"], node["final"]) == (
            flows.output[m],
            pytest.approx(flows.final[m].sum(), rel=1e-14),
        )
        assert node["upstreamness"] == pytest.approx(up.sum(axis=1)[m], rel=1e-9)
        assert node["downstreamness"] == pytest.approx(down.sum(axis=0)[m], rel=1e-9)


def test_a_purchase_worth_more_than_all_output_is_at_no_distance(bench, flows):
    huge = flows.coefficients.copy()
    huge[0, 1] = 1.2
    shown = SimpleNamespace(**{f: getattr(flows, f) for f in ("output", "intermediate", "final", "leontief")})
    shown.coefficients, shown.value_added = huge, flows.value_added
    names = node_names(bench[1])
    assert production_graph(shown, bench[1]).edges[names[0], names[1]]["distance"] == 1e-12


def test_names_of_sectors_may_hold_colons(bench, flows):
    """A node is region:sector; only the first colon parts the two."""
    labels = bench[1].replace(sectors=tuple(f"{s}:{at}" for at, s in enumerate(bench[1].sectors)))
    graph = production_graph(flows, labels)
    assert {data["sector"] for _, data in graph.nodes(data=True)} == set(labels.sectors)
    assert {data["region"] for _, data in graph.nodes(data=True)} == set(labels.regions)
    chain = rare_earth_graph(flows, element_flows(flows, labels), labels, bench[0].stage_sector)
    kinds = {data["kind"] for _, data in chain.nodes(data=True)}
    assert kinds == {"mine", "separator", "element", "sector", "final buyer"}
    assert {data["sector"] for _, data in chain.nodes(data=True) if data["kind"] == "mine"} == {
        labels.sectors[MINING]
    }


def test_shares_of_links_add_up_to_one_for_what_comes_from_alike_sellers(graph):
    """Concentrate of a separator; each element of a user; what a final buyer gets. Products: of all that comes."""
    for node, about in graph.nodes(data=True):
        links = [(u, d) for u, _, d in graph.in_edges(node, data=True)]
        assert all(0 < d["share"] <= 1 + 1e-12 for _, d in links)
        if about["kind"] not in ("mine", "separator"):
            total = sum(d["tonnes"] for _, d in links)
            for _, d in links:
                if d["kind"] in ("final use", "in products", "separation"):
                    assert d["share"] == pytest.approx(d["tonnes"] / total, rel=1e-9)
        for kind, of in (("concentrate", [""]), ("first use", ["E0", "E1"])):
            for name in of:
                shares = [d["share"] for u, d in links if d["kind"] == kind and u.endswith(name)]
                assert not shares or sum(shares) <= 1 + 1e-12
                if name:
                    assert not shares or sum(shares) == pytest.approx(1, rel=1e-9)


def test_tonnes_of_a_node_are_the_larger_of_what_comes_and_goes(graph):
    for node, about in graph.nodes(data=True):
        coming = sum(d["tonnes"] for _, _, d in graph.in_edges(node, data=True))
        going = sum(d["tonnes"] for _, _, d in graph.out_edges(node, data=True))
        assert about["tonnes"] == max(coming, going) > 0


def test_a_world_that_uses_none_of_an_element_shows_nothing(bench, flows):
    found = element_flows(flows, bench[1], elements=["E0"])
    none = found.replace(**{f: 0.0 * getattr(found, f) for f in ("ore", "direct", "embodied", "final")})
    graph = rare_earth_graph(flows, none, bench[1], bench[0].stage_sector)
    assert list(graph) == []
    assert graph.graph["shown"] == graph.graph["tonnes"] == 0.0


def test_tonnes_that_enter_a_node_leave_it(graph, flows):
    for node, data in graph.nodes(data=True):
        coming = sum(d["tonnes"] for _, _, d in graph.in_edges(node, data=True))
        going = sum(d["tonnes"] for _, _, d in graph.out_edges(node, data=True))
        if data["kind"] == "final buyer":
            assert going == 0
        elif data["kind"] != "mine" and data["kind"] != "separator":
            np.testing.assert_allclose(coming, going, rtol=1e-9)
    np.testing.assert_allclose(graph.graph["shown"], 1, rtol=1e-10)
    used = sum(d["tonnes"] for _, _, d in graph.edges(data=True) if d["kind"] == "first use")
    np.testing.assert_allclose(used, flows.element_tonnes.sum(), rtol=1e-10)


def test_what_final_buyers_get_is_what_is_embodied(graph, flows):
    total = intensity(flows).total_kg.sum(axis=(0, 1)) / 1e3 @ flows.final
    for n in range(REGIONS):
        got = sum(d["tonnes"] for _, _, d in graph.in_edges(f"use:R{n}", data=True))
        np.testing.assert_allclose(got, total[n], rtol=1e-10)


def test_a_trimmed_graph_hangs_together(bench, flows):
    found = element_flows(flows, bench[1], elements=["E1"])
    graph = rare_earth_graph(flows, found, bench[1], bench[0].stage_sector, smallest=0.02)
    assert 0.3 < graph.graph["shown"] < 1
    assert graph.graph["elements"] == "E1"
    for node, data in graph.nodes(data=True):
        assert graph.in_degree(node) or data["kind"] in ("mine", "separator")
        assert graph.out_degree(node) or data["kind"] == "final buyer"


def test_an_unknown_element_is_refused(bench, flows):
    with pytest.raises(ValueError, match="no element Xx"):
        element_flows(flows, bench[1], elements=["Xx"])


def test_communities_cover_the_graph_and_repeat(bench, flows):
    graph = production_graph(flows, bench[1])
    groups = communities(graph)
    assert sorted(node for group in groups for node in group) == sorted(graph)
    assert communities(graph) == groups
    assert [len(g) for g in groups] == sorted((len(g) for g in groups), reverse=True)


def test_small_amounts_make_the_same_communities_as_large_ones():
    """Two triangles that trade a tenth as much with each other; both directions of a pair count together."""
    for scale in (1e-3, 1.0, 1e3):
        graph = nx.DiGraph()
        for u, v in ((u, v) for u in "abcdef" for v in "abcdef" if u != v):
            near = (u in "abc") == (v in "abc")
            graph.add_edge(u, v, value=scale * (1.0 if near else 0.1))
        assert communities(graph) == [{"a", "b", "c"}, {"d", "e", "f"}]


def test_both_directions_make_the_weight_of_a_pair():
    """b sells a little to each of its partners; what c buys from it and sells to it outweighs what a takes."""
    graph = nx.DiGraph()
    for u, v, value in (("a", "b", 1.5), ("b", "c", 1.0), ("c", "b", 1.0), ("a", "d", 1.0), ("d", "a", 1.0)):
        graph.add_edge(u, v, value=value)
    assert communities(graph, covered=1.0) == [{"a", "d"}, {"b", "c"}]


# Chokepoints on a graph drawn by hand


@pytest.fixture
def drawn():
    """Two mines (60 and 40 t), separators of 90 and 10 t, two users, one final buyer."""
    graph = nx.DiGraph()
    kinds = {
        "a:mine": "mine", "b:mine": "mine", "a:sep": "separator", "b:sep": "separator", "a:X": "element",
        "b:X": "element", "a:car": "sector", "b:car": "sector", "use:a": "final buyer",
    }  # fmt: skip
    for node, kind in kinds.items():
        graph.add_node(node, kind=kind, region=node.split(":")[0])
    for u, v, tonnes in (
        ("a:mine", "a:sep", 60.0), ("b:mine", "a:sep", 30.0), ("b:mine", "b:sep", 10.0), ("a:sep", "a:X", 90.0),
        ("b:sep", "b:X", 10.0), ("a:X", "a:car", 50.0), ("a:X", "b:car", 40.0), ("b:X", "b:car", 10.0),
        ("a:car", "use:a", 50.0), ("b:car", "use:a", 50.0),
    ):  # fmt: skip
        graph.add_edge(u, v, tonnes=tonnes, share=0.5, kind="x")
    for node in graph:
        coming = sum(d["tonnes"] for _, _, d in graph.in_edges(node, data=True))
        graph.nodes[node]["tonnes"] = coming or sum(
            d["tonnes"] for _, _, d in graph.out_edges(node, data=True)
        )
    return graph


def test_nothing_closed_leaves_the_need_covered(drawn):
    cut = chokepoint(drawn, ["use:a"])
    assert cut.need == cut.flow == 100
    assert cut.covered == 1


def test_a_closed_link_leaves_what_others_can_carry(drawn):
    closed = [("a:X", "b:car")]
    assert chokepoint(drawn, ["b:car"], closed=closed).flow == pytest.approx(10)
    assert chokepoint(drawn, ["b:car"], closed=closed, stretch=5).flow == pytest.approx(
        10
    )  # its separator makes no more
    wide = chokepoint(drawn, ["b:car"], closed=closed, stretch=3, spare=3)
    assert wide.flow == pytest.approx(30)
    assert wide.covered == pytest.approx(0.6)


def test_plants_are_named_when_they_are_the_narrowest_place(drawn):
    cut = chokepoint(drawn, ["b:car"], closed=[("a:X", "b:car")], stretch=10)
    assert cut.flow == pytest.approx(10)
    assert all(u == v for u, v, _ in cut.edges)


def test_gatekeepers_are_on_every_path(drawn):
    assert gatekeepers(drawn, "a:car") == ["a:sep", "a:X"]
    assert gatekeepers(drawn, "b:car") == []
    drawn.remove_edge("b:mine", "a:sep")
    assert gatekeepers(drawn, "a:car") == ["a:mine", "a:sep", "a:X"]


def test_the_fewest_nodes_that_cut_a_target_off(drawn):
    assert len(smallest_cut(drawn, "a:car")) == 1
    assert len(smallest_cut(drawn, "b:car")) == 2
    assert smallest_cut(drawn, "a:mine") == set()


def test_articulation_points_split_the_graph(drawn):
    for node in articulation_points(drawn):
        rest = drawn.to_undirected()
        rest.remove_node(node)
        assert nx.number_connected_components(rest) > 1
    assert articulation_points(drawn) == {"a:sep"}  # a:mine hangs on it; the rest is a ring


@pytest.mark.parametrize("ask", [chokepoint, gatekeepers, smallest_cut])
def test_a_target_that_is_not_there_is_named(drawn, ask):
    with pytest.raises(ValueError, match="not in the graph: c:car"):
        ask(drawn, ["c:car"] if ask is chokepoint else "c:car")


def test_targets_without_ore_are_named(drawn):
    drawn.add_node("c:car", kind="sector", tonnes=0.0)
    with pytest.raises(ValueError, match="no ore reaches c:car"):
        gatekeepers(drawn, "c:car")


# Rerouting


SHIPMENTS = np.array([[50.0, 30.0, 20.0], [0.0, 8.0, 2.0], [0.0, 0.0, 5.0]])
ORE = np.diag([100.0, 10.0, 5.0])
FIRST = np.array([True, False, False])


def test_links_that_cannot_stretch_leave_what_came_from_others():
    found = rerouting(SHIPMENTS, ORE, FIRST, stretch=1.0)
    np.testing.assert_allclose(found.need, [50, 38, 27])
    np.testing.assert_allclose(found.kept, [50, 8, 7])
    np.testing.assert_allclose(found.alone, [50, 8, 7], rtol=1e-6)
    np.testing.assert_allclose(found.together, 15, rtol=1e-6)


def test_links_that_stretch_give_one_buyer_all_there_is():
    found = rerouting(SHIPMENTS, ORE, FIRST)
    np.testing.assert_allclose(found.alone, [50, 10, 15], rtol=1e-6)
    np.testing.assert_allclose(found.together, 15, rtol=1e-6)
    np.testing.assert_allclose(rerouting(SHIPMENTS, ORE, FIRST, spare=2.0).alone, [50, 20, 27], rtol=1e-6)


def test_separators_of_foreign_ore_stop_with_its_exports():
    ore = ORE.copy()
    ore[0, 1], ore[1, 1] = 10.0, 0.0
    found = rerouting(SHIPMENTS, ore, FIRST)
    np.testing.assert_allclose(found.alone, [50, 0, 5], rtol=1e-6)


@pytest.mark.parametrize("stretch", [1.0, 1.4, 10.0])
def test_the_narrowest_place_is_the_minimum_cut_of_networkx(graph, stretch):
    target = "R1:magnets"
    closed = [
        (u, v) for u, v in graph.edges
        if graph.nodes[u]["kind"] == "element" and graph.nodes[u]["region"] == "R0" and graph.nodes[v]["region"] != "R0"
    ]  # fmt: skip
    expected = nx.DiGraph()
    for u, v, data in graph.edges(data=True):
        if (u, v) not in closed:
            expected.add_edge(f"{u} out", f"{v} in", capacity=stretch * data["tonnes"])
    for node, data in graph.nodes(data=True):
        limited = data["kind"] in ("mine", "separator", "element")
        expected.add_edge(f"{node} in", f"{node} out", **({"capacity": data["tonnes"]} if limited else {}))
        if data["kind"] == "mine":
            expected.add_edge("all ore", f"{node} in")
    need = sum(d["tonnes"] for _, _, d in graph.in_edges(target, data=True))
    expected.add_edge(f"{target} in", "end", capacity=need)
    cut = chokepoint(graph, [target], stretch=stretch, closed=closed)
    assert cut.need == pytest.approx(need)
    np.testing.assert_allclose(cut.flow, nx.maximum_flow_value(expected, "all ore", "end"), rtol=1e-12)
    np.testing.assert_allclose(cut.flow, sum(capacity for _, _, capacity in cut.edges), rtol=1e-12)


@pytest.mark.parametrize("stretch", [1.0, 1.7, 1e6])
def test_rerouting_is_the_maximum_flow_of_networkx(flows, stretch):
    regions = range(REGIONS)
    shipments = flows.element_tonnes[0].reshape(REGIONS, REGIONS, -1).sum(axis=2)
    ore = concentrate_shares(flows, MINING, SEPARATION) * shipments.sum(axis=1)
    found = rerouting(shipments, ore, FIRST, stretch=stretch)
    for target in (1, 2):
        graph = nx.DiGraph()
        for i in regions:
            graph.add_edge("s", f"m{i}", capacity=ore[i].sum())
            graph.add_edge(f"a{i}", f"b{i}", capacity=shipments[i].sum())
            for n in regions:
                if i > 0 or i == n:
                    graph.add_edge(f"m{i}", f"a{n}", capacity=stretch * ore[i, n])
                    graph.add_edge(f"b{i}", f"u{n}", capacity=stretch * shipments[i, n])
        graph.add_edge(f"u{target}", "t", capacity=shipments[:, target].sum())
        np.testing.assert_allclose(found.alone[target], nx.maximum_flow_value(graph, "s", "t"), rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_rerouting_among_many_regions_is_the_maximum_flow_of_networkx(seed):
    """Roundings of whole numbers do not add up over the links of a cut: they were 6e-8 of the need."""
    rng, n = np.random.default_rng(seed), 40
    shipments, ore = (rng.uniform(0, 1, (n, n)) ** 4 * (rng.random((n, n)) < part) for part in (0.5, 0.3))
    ore += np.diag(rng.uniform(0, 1, n))
    spare, shut = rng.uniform(0.5, 1.5, (2, n)), np.arange(n) == 0
    graph = nx.DiGraph()
    for i in range(n):
        graph.add_edge("s", f"m{i}", capacity=ore[i].sum() * spare[0, i])
        graph.add_edge(f"a{i}", f"b{i}", capacity=shipments[i].sum() * spare[1, i])
        for buyer in range(n):
            if i > 0 or i == buyer:
                graph.add_edge(f"m{i}", f"a{buyer}", capacity=ore[i, buyer])
                graph.add_edge(f"b{i}", f"u{buyer}", capacity=shipments[i, buyer])
        if i > 0:
            graph.add_edge(f"u{i}", "t", capacity=shipments[:, i].sum())
    found = rerouting(shipments, ore, shut, stretch=1.0, spare=spare)
    assert found.together == pytest.approx(nx.maximum_flow_value(graph, "s", "t"), rel=1e-9)

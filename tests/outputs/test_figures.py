"""Figures can be read: labels stand apart, legends cover nothing, axes have no factor of their own."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import calibration
from model.records import REGIMES
from outputs import figures, names, style


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws one figure of a dataset and returns it, laid out."""
    kept = []
    finish = style.finish
    monkeypatch.setattr(style, "finish", lambda drawn, *rest: kept.append(drawn) or finish(drawn, *rest))

    def draw(make, ds):
        with style.look():
            make(ds, tmp_path, "a note")
        FigureCanvasAgg(kept[-1]).draw()
        return kept[-1]

    return draw


def deep(ds):
    """Prices abroad of a full embargo, up to ten million times those of the base year, and losses of billions."""
    factor = np.geomspace(1e2, 1e7, ds.sizes["element"])
    dear = ds["base_border_value"] * factor * (1 + 0 * ds["border_value"])
    lost = 1e5 * ds["equivalent_variation"] / float(np.abs(ds["equivalent_variation"]).max())
    changed = {"border_value": dear.transpose(*ds["border_value"].dims), "equivalent_variation": lost}
    return ds.assign(changed)


def boxes(axis):
    shown = [label for label in axis.get_ticklabels() if label.get_text()]
    return sorted((label.get_window_extent() for label in shown), key=lambda box: box.x0)


@pytest.mark.parametrize("cut", [lambda ds: ds, deep])
@pytest.mark.parametrize("make", [figures.prices, figures.real_income, figures.research])
def test_labels_stand_apart_and_legends_cover_nothing(drawn, ds, make, cut):
    figure = drawn(make, cut(ds))
    whole = figure.bbox
    for axes in figure.axes:
        labels = boxes(axes.xaxis)
        assert len(labels) > 1
        assert all(one.x1 < other.x0 for one, other in pairwise(labels))
        assert axes.xaxis.get_offset_text().get_text() == ""
        frame = axes.get_window_extent()
        if legend := axes.get_legend():
            assert legend.get_window_extent().y0 >= frame.y1 - 2
            assert axes._left_title.get_window_extent().y0 >= legend.get_window_extent().y1 - 4
        numbers = [text.get_window_extent() for text in axes.texts]
        assert all(box.x1 <= whole.x1 for box in numbers)
        assert not any(one.overlaps(other) for one, other in combinations(numbers, 2))


@pytest.mark.parametrize("rows", [3, 10, 17])
def test_numbers_beside_many_bars_stand_apart(tmp_path, rows):
    """Where one element moves far more than others numbers stand under each other: 17 of them ran into one."""
    values = np.linspace(-9.0, 1234.0, rows) ** 3
    with style.look():
        figure, (left, right) = style.figure(1, 2, size=figures._size(rows, 3), sharey=True)
        figures._grouped(right, dict.fromkeys(REGIMES, values))
        right.set_xlabel("change")
        right.set_title("Change")
        style.legend_above(right, 2)
        style.finish(figure, tmp_path / "it.png", 12 * "a long title ", 40 * "a long note ")
        FigureCanvasAgg(figure).draw()
    numbers = [text.get_window_extent() for text in right.texts]
    assert len(numbers) == 3 * rows
    assert not any(one.overlaps(other) for one, other in combinations(numbers, 2))


def test_large_losses_are_in_billions(drawn, ds):
    (axes,) = drawn(figures.real_income, deep(ds)).axes
    assert "billion USD" in axes.get_xlabel()
    longest = max(abs(bar.get_width()) for bar in axes.patches)
    assert longest == pytest.approx(100.0)
    (axes,) = drawn(figures.real_income, ds).axes
    assert "million USD" in axes.get_xlabel()


def still(ds):
    """A result in which nothing moves."""
    names_of = ("border_value", "gate_value")
    same = {name: ds[f"base_{name}"] + 0 * ds[name] for name in names_of}
    parts = {name: 0 * ds[name] for name in ds.data_vars if name.endswith("_by_force")}
    usd = {name: 0 * ds[name] for name in ("equivalent_variation", "group_equivalent_variation")}
    return ds.assign({name: value.transpose(*ds[name].dims) for name, value in same.items()} | parts | usd)


@pytest.mark.parametrize(
    ("make", "title"),
    [
        (figures.forces, "exports of exposed sectors outside R0 do not change"),
        (figures.prices, "no price moves abroad with fixed technology"),
        (figures.real_income, "real income 0 million USD in R0"),
    ],
)
def test_a_figure_in_which_nothing_moves_says_so(drawn, ds, make, title):
    figure = drawn(make, still(ds))
    words = " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))
    assert title in words
    for word in ("fall;", "decide", "+0", "0 % and"):
        assert word not in words
    axes = figure.axes[-1]
    low, high = axes.get_xlim()
    assert low < 0 < high and high - low > 1  # no axis about rounding


def test_what_a_region_without_elements_restricts_has_the_figures_that_it_can_have(solved, tmp_path):
    """An embargo on magnets by a region that sells no elements: no prices and no exposure, but income."""
    bare = solved.dataset.copy(deep=True)
    own = (bare["origin"] == "R0").values[:, None, None]
    for name in ("base_tonnes", "tonnes"):
        bare[name] = bare[name].copy(data=np.where(own, 0.0, bare[name].values))
    bare = bare.assign(exposed=0 * bare["exposed"], exposure=0 * bare["exposure"])
    drawn = {path.name for path in figures.draw_scenario(bare, tmp_path)}
    assert drawn >= {"real_income.png", "research.png", "forces.png"}
    assert not drawn & {"prices.png", "sectors.png"}


def test_the_title_of_forces_follows_their_sum(drawn, ds):
    for sign, word in ((1, "rise"), (-1, "fall")):
        parts = ds["exposed_exports_by_force"].copy(data=sign * np.array([5.0, 1.0, 1.0, -2.0]))
        figure = drawn(figures.forces, ds.assign(exposed_exports_by_force=parts))
        words = " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))
        assert f"outside R0 {word}; the shock itself decides" in words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (-2500.0, "-2,500"), (10_000.0, "10k"), (12_500.0, "12.5k"), (2.5e6, "2.5M"),
     (1.25e8, "125M")],
)  # fmt: skip
def test_numbers_on_an_axis_are_exact(value, text):
    assert names.tick(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.001, "about 0"), (-9999.0, "-9,999"), (1.217e8, "+122M"), (-2e4, "-20k")],
)
def test_numbers_beside_a_bar_are_short(value, text):
    assert names.beside(value, 0.005) == text


def test_prices_are_by_kg_of_product(drawn, ds):
    """Lanthanum and cerium are compounds with less oxide: no axis calls a kg of them a kg of oxide."""
    figure = drawn(figures.prices, ds)
    words = " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))
    assert "kg of product" in words
    assert "kg of oxide" not in words
    assert "lanthanum and cerium as compounds" in words


def test_content_of_the_base_year_is_what_the_words_say():
    b = calibration.load("china-2009").benchmark
    labels = calibration.load("china-2009").labels.elements
    content = dict(zip(labels, b.reo_content[b.elements], strict=True))
    assert {element for element, kg in content.items() if kg < 1} == {"La", "Ce"}
    assert content["La"] == content["Ce"] == 0.9

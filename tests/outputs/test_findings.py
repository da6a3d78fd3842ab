"""Sentences on results whose numbers are set or drawn: who, how much, of what, and in which direction."""

from __future__ import annotations

import re

import numpy as np
import pytest
import xarray as xr

from outputs import facts, findings, names, pricefacts, pricefindings, wording
from outputs.names import number, signed
from tests.outputs.drawn import drawn

FIRST, LAST = "exogenous", "directed_with_spillovers"


@pytest.fixture(scope="module")
def result(ds):
    """R1 restricts; the numbers are no equilibrium."""
    return drawn(ds, ["R1"])


def filled(ds, variable, value, **where):
    """The result with some cells of a variable set."""
    new = ds[variable].copy()
    new.loc[where] = value
    return ds.assign({variable: new})


@pytest.mark.parametrize(("high", "low"), [("E0", "E1"), ("E1", "E0")])
def test_the_element_that_rises_most_is_named_first(result, high, low):
    """Each with its own change and its own price before."""
    base = result["base_border_value"].copy()
    base.loc[{"element": high}], base.loc[{"element": low}] = 8.0, 50.0
    now = result["border_value"].copy()
    now.loc[{"element": high}], now.loc[{"element": low}] = 12.0, 55.0
    text = pricefindings.oxides(result.assign(base_border_value=base, border_value=now)).text
    assert f"{high} +50.0 % from 8.00 USD/kg, {low} +10.0 % from 50.0 USD/kg." in text


@pytest.mark.parametrize(
    ("ratio", "said"), [(1.5, "rises by 50.0 %"), (0.75, "falls by 25.0 %"), (1.0, "stays as it was")]
)
def test_the_price_inside_goes_where_it_goes(result, ratio, said):
    now = result["gate_value"].copy(
        data=np.broadcast_to(ratio * result["base_gate_value"].values, result["gate_value"].shape)
    )
    text = pricefindings.oxides(result.assign(gate_value=now)).text
    assert f"Inside R1 the mean price {said} with fixed technology." in text


def test_no_price_inside_is_told_where_nothing_is_sold(result):
    base = result["base_tonnes"].copy()
    base.loc[{"origin": "R1", "region": "R1"}] = 0.0
    text = pricefindings.oxides(result.assign(base_tonnes=base)).text
    assert "oxides sold abroad by R1 cost" in text
    assert "Inside" not in text


def test_a_price_that_rises_is_more():
    assert [wording.dearer(change) for change in (12.0, -12.0, 0.0)] == [
        "12.0 % more",
        "12.0 % less",
        "the same",
    ]


def test_the_headline_has_both_prices_and_both_incomes_of_two_regimes(result):
    text = findings.headline(result)
    for regime in (FIRST, LAST):
        index = pricefacts.index(result, regime)
        group = result["group_equivalent_variation"].sel(regime=regime)
        abroad, home = (wording.dearer(index[where]) for where in ("abroad", "home"))
        mine, others = (number(float(group.sel(group=name))) for name in ("restricting", "others"))
        assert re.search(
            rf"With {names.regime(regime)}, oxides cost {re.escape(abroad)} abroad( \([^)]*\))? and "
            rf"{re.escape(home)} in R1; R1 gains {mine} million USD a year, all others gain {others} million USD\.",
            text,
        )


@pytest.mark.parametrize(
    ("rents", "said"),
    [
        ((1.0, 70.0, 29.0), "R1, R2 and R0"),
        ((0.5, 90.0, 9.5), "R1 and R2"),
        ((0.0, 15.0, 85.0), "R2 and R1"),
    ],
)
def test_rents_go_first_to_whom_most_of_them_go(result, rents, said):
    """Shares of a hundredth or less are left out."""
    rents = np.array(rents) + [1e-6 if rents[0] == 1.0 else 0.0, 0.0, 0.0]
    text = findings.rent(filled(result, "licence_rent", rents, regime=FIRST)).text
    assert f"million USD a year with fixed technology, and goes to {said}." in text


def test_a_quota_that_binds_in_one_regime_binds(result):
    """Without rents that are worth a sentence, and with a licence under one regime alone."""
    price = 0 * result["licence_price"]
    still = result.assign(licence_rent=0 * result["licence_rent"], licence_price=price)
    limit, sold = (float(result[name].sel(regime=FIRST).sum()) for name in ("quota_limit", "quota_tonnes"))
    text = findings.rent(still).text
    assert re.search(r"quota allows ([\d.]+) t, of which ([\d.]+) t are sold", text).groups() == (
        f"{limit:.1f}",
        f"{sold:.1f}",
    )
    assert findings.rent(filled(still, "licence_price", 1.0, regime=LAST)) is None


def test_whoever_loses_most_is_named_with_the_loss(result):
    """A gain is no loss, however large."""
    text = findings.income(filled(result, "equivalent_variation", [-3.0, -2.0, 9.0], regime=FIRST)).text
    assert "Most is lost by R0 (-3.00 million USD, fixed technology)" in text
    assert "Most is lost" not in findings.income(result).text


def test_the_share_of_others_is_of_their_income(result):
    ratio = xr.ones_like(result["group_real_income"])
    ratio.loc[{"group": "others"}] = 1.002
    text = findings.income(
        result.assign(group_real_income=ratio, real_income=0 * result["real_income"] + 1)
    ).text
    assert text.count("(+0.20 % of their income)") == result.sizes["regime"]


@pytest.mark.parametrize("who", ["others", "R0", "R1"])
def test_a_deep_loss_is_one_of_others_together_or_of_one_of_them(result, who):
    """R1 restricts: what it loses by its own doing is no reason for doubt."""
    shallow = result.assign(
        group_real_income=0 * result["group_real_income"] + 1, real_income=0 * result["real_income"] + 1
    )
    assert not findings.is_deep(shallow)
    variable, axis = ("group_real_income", "group") if who == "others" else ("real_income", "region")
    lost = filled(shallow, variable, 0.98, **{axis: who, "regime": LAST})
    assert findings.is_deep(lost) is (who != "R1")
    assert (findings.DEEP_CAUTION in findings.income(lost).text) is (who != "R1")
    assert findings.DEEP_CAUTION not in findings.income(shallow).text


def test_technology_that_stands_still_has_no_patents_to_tell_of(result):
    still = filled(result, "technology_level", 1.0, regime=FIRST)
    text = findings.innovation(still).text
    assert "fixed technology" not in text
    assert text.count("rare-earth patents change by") == 2
    assert findings.innovation(still.assign(technology_level=0 * still["technology_level"] + 1)) is None


@pytest.mark.parametrize(("ratio", "said"), [(1.02, "saves"), (0.98, "costs")])
def test_technology_saves_or_costs(result, ratio, said):
    """E20: a ratio above one is cost saved."""
    text = findings.innovation(result.assign(tfp_cost_saved=ratio + 0 * result["tfp_cost_saved"])).text
    assert text.count(f"technology {said} exposed sectors 2.0 % of cost") == 3


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((9.0, -4.0, 1.0, -1.0), "the shock itself decides (without it they would fall)"),
        ((-9.0, 4.0, -1.0, 1.0), "the shock itself decides (without it they would rise)"),
        ((6.0, -8.0, 5.0, -1.0), "the shock itself and spillovers from others' research decide (without any one of "
         "them they would fall)"),
        ((5.0, -8.0, 6.0, -1.0), "spillovers from others' research and the shock itself decide (without any one of "
         "them they would fall)"),
        ((3.0, 2.0, 2.5, -4.0), "the shock itself decides (it is the largest of that sign, though none alone turns "
         "it)"),
    ],
)  # fmt: skip
def test_what_decides_is_what_the_sign_would_turn_without(result, parts, said):
    changed = result["exposed_exports_by_force"].copy(data=list(parts))
    assert said in findings.deciding_force(result.assign(exposed_exports_by_force=changed))


def test_a_tax_sells_more_of_what_it_sells_more_of(result):
    """Against the quota: the tonnes under the tax less those under the quota."""
    taxed = filled(result, "tonnes", 5.0, origin="R1", region=["R0", "R2"], element="E1")
    taxed = filled(taxed, "tonnes", 0.1, origin="R1", region=["R0", "R2"], element="E0")
    one, two = (
        pricefacts.table(run, FIRST).set_index("element")["sold abroad [t]"] for run in (result, taxed)
    )
    gap = two - one
    assert gap["E1"] > 0 > gap["E0"]
    said = f"the tax sells abroad E1 {signed(gap['E1'])} t and E0 {signed(gap['E0'])} t (fixed technology)"
    assert said in findings.tax_mix(result, taxed)


def lost(result, *values):
    """The result with these losses of all others from an embargo, by regime."""
    loss = 0 * result["embargo_loss"]
    loss.loc[{"region": "R0"}] = np.array(values)
    return result.assign(embargo_loss=loss.assign_attrs(result["embargo_loss"].attrs, cut=1.0))


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ((3.0, 2.0, 1.0), "avoids 2.00 of it and leaves 1.00", "dearer"),
        ((1.0, 2.0, 3.0), "makes it dearer by 2.00", "avoids"),
        ((1.0, 2.0, 1.0), "makes no difference to it", "dearer"),
        ((3.0, 2.0, -1.0), "(a minus sign is a gain)", "Innovation until then"),
        ((-3.0, 2.0, 1.0), "would cost all others", "would bring"),
        ((-3.0, -2.0, -1.0), "would bring all others, in million USD a year, 3.00", "Innovation until then"),
    ],
)
def test_what_an_embargo_would_cost_and_what_innovation_does_to_that(result, values, said, unsaid):
    text = findings.security(lost(result, *values)).text
    assert said in text
    assert unsaid not in text


def test_the_share_that_is_at_stake_is_the_largest(result):
    income = facts.others_income(result)
    for values in ((0.5, 0.0, 0.25), (0.25, 0.0, 0.5)):
        assert findings.embargo_share(lost(result, *(v * income for v in values))) == pytest.approx(0.5)
        text = findings.security(lost(result, *(v * income for v in values))).text
        assert "up to 50.0 % of their income" in text


@pytest.mark.parametrize(("cut", "said"), [(1.0, "a full stop of R1's"), (0.9, "a cut by 90 % of R1's")])
def test_an_embargo_that_was_no_full_one_is_called_a_cut(result, cut, said):
    loss = result["embargo_loss"].assign_attrs(cut=cut)
    assert findings.embargo_name(result.assign(embargo_loss=loss)).startswith(said)


def test_whoever_restricts_in_each_run_is_told_where_it_is_not_the_same(ds):
    one, two, three = drawn(ds, ["R1"]), drawn(ds, ["R2"]), drawn(ds, ["R0", "R2"])
    assert findings.who_in_each([("a", one), ("b", one)]) == ""
    assert findings.who_in_each([("a", one), ("b", two)]).endswith("R1 in a; R2 in b.")
    assert "R0 and R2 in c" in findings.who_in_each([("a", one), ("c", three)])
    called = three.assign_coords(region=["USA", "R1", "ROW"])
    said = findings.who_in_each([("a", one), ("c", called)])
    assert said.endswith("R1 in a; the United States and the rest of the world in c.")


@pytest.mark.parametrize("note", ["note_decomposition", "note_security", "note_instruments"])
def test_every_note_of_what_was_not_solved_is_told(result, note):
    assert findings.failed(result.assign_attrs({note: "it was not"})) == ["it was not"]


def test_what_is_thrown_away_is_told_by_element_the_most_first(result):
    """Of an element only where it is more than a hundredth of all."""
    waste = 0 * result["thrown_away"]
    for element, tonnes in (("E0", 2.0), ("E1", 98.0)):
        waste.loc[{"region": "R0", "element": element, "regime": FIRST}] = tonnes
    text = findings.surplus(result.assign(thrown_away=waste)).text
    assert "100 t with fixed technology (E1 98.0 t, E0 2.00 t)" in text
    waste.loc[{"element": "E0"}] *= 0.4
    assert "(E1 98.0 t)" in findings.surplus(result.assign(thrown_away=waste)).text


def test_regions_have_their_articles_in_sentences_and_large_letters_at_their_beginning(result):
    """A quota of American exports made oxides dearer "in United States"."""
    own = str(result["region"].values[result["restricting"].values > 0][0])
    region = ["USA" if r == own else str(r) for r in result["region"].values]
    one = (result["region"] == own).astype(float)
    american = result.assign(restricting=one).assign_coords(region=region)
    said = " ".join(found.text for found in findings.findings(american))
    assert "the United States" in said
    assert not re.search(r"(?<!the )(?<!The )United States", said)
    silent = american.assign(base_tonnes=0 * american["base_tonnes"], tonnes=0 * american["tonnes"])
    assert findings.security(silent).text.startswith("The United States exports no elements")

"""Every shipped table is read, and says where it comes from."""

from __future__ import annotations

from calibration.evidence import shipped
from calibration.strict_yaml import load


def test_every_table_has_its_provenance() -> None:
    listed = load(shipped.FOLDER / "provenance.yaml").data["tables"]
    present = {p.name for p in shipped.FOLDER.iterdir()} - {"provenance.yaml"}
    assert set(listed) == present
    for name, entry in listed.items():
        assert {"title", "source", "licence", "status"} <= set(entry), name
        assert entry["status"] in (*shipped.STATUS, "invented")


def test_no_price_is_filled_in() -> None:
    prices = shipped.oxide_prices()
    year_end = prices[prices["basis"] == "year end"]
    assert set(year_end["year"]) == {2013}
    assert set(prices["status"]) == {"seen", "memory"}
    assert (prices.loc[(prices["year"] == 2011), "status"] == "memory").all()


def test_tables_are_of_their_size() -> None:
    assert len(shipped.exports()) == 41 * 35 * 17
    assert len(shipped.us_tfp()) == 63 * 29
    assert shipped.world_inputs().shape == (35, 35)
    assert (shipped.world_inputs().to_numpy().sum(0) < 1).all()
    assert shipped.export_quota().set_index("year")["quota"][2010] == 30258

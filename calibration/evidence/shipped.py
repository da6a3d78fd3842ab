"""The small tables that come with the evidence: readers, one each. Where they came from stands in them and in
calibration/data/evidence/provenance.yaml."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from calibration.tables import Column, Table, read_csv

FOLDER = Path(__file__).resolve().parent.parent / "data" / "evidence"
STATUS = ("seen", "computed", "memory", "analyst")


def exports() -> pd.DataFrame:
    """Gross output and exports of 41 countries x 35 sectors, 1995-2011, million USD (WIOD release 2013).

    Exports hold changes of stocks abroad, and so are negative in 93 of 24,395 rows.
    """
    columns = [
        Column("year", "integer"),
        Column("country"),
        Column("sector"),
        Column("gross_output", "number", "million USD", minimum=0),
        Column("exports", "number", "million USD"),
    ]
    return _frame(read_csv(FOLDER / "wiod_exports_1995_2011.csv.gz", columns, ("year", "country", "sector")))


def sectors() -> pd.DataFrame:
    """The 35 WIOD sectors; `goods` is true of agriculture, mining and manufacturing."""
    columns = [Column("sector"), Column("nace1"), Column("name"), Column("goods", valid=("yes", "no"))]
    table = _frame(read_csv(FOLDER / "wiod_sectors.csv", columns, ("sector",)))
    return table.assign(goods=table["goods"] == "yes")


def world_inputs() -> pd.DataFrame:
    """Input coefficients of the world economy 2009, USD per USD, (input sector, user sector)."""
    columns = [Column("input"), Column("user"), Column("coefficient", "number", "USD per USD", minimum=0)]
    table = _frame(read_csv(FOLDER / "wiod_world_inputs_2009.csv", columns, ("input", "user")))
    order = sectors()["sector"]
    wide = table.pivot(index="input", columns="user", values="coefficient")
    return wide.reindex(index=order, columns=order).fillna(0.0)


def us_tfp() -> pd.DataFrame:
    """Total factor productivity (index) and gross output of 63 US industries, 1995-2023."""
    columns = [
        Column("industry", "integer"),
        Column("year", "integer"),
        Column("tfp", "number", "index", minimum=1e-9),
        Column("gross_output", "number", "million USD", minimum=0),
    ]
    return _frame(read_csv(FOLDER / "us_tfp_1995_2023.csv.gz", columns, ("industry", "year")))


def us_industries() -> pd.DataFrame:
    """Names of the US industries that could be identified; `manufacturing` tells which make goods."""
    columns = [Column("industry", "integer"), Column("name"), Column("manufacturing", valid=("yes", "no"))]
    table = _frame(read_csv(FOLDER / "us_industries.csv", columns, ("industry",)))
    return table.assign(manufacturing=table["manufacturing"] == "yes")


def oxide_prices() -> pd.DataFrame:
    """Oxide prices FOB China by element and year, USD per kg, each with its basis, status and source."""
    columns = [
        Column("element"),
        Column("year", "integer"),
        Column("price", "number", "USD per kg", minimum=1e-9),
        Column("basis", valid=("annual average", "year end")),
        Column("status", valid=STATUS),
        Column("source"),
    ]
    return _frame(read_csv(FOLDER / "ree_oxide_prices_annual.csv", columns, ("element", "year")))


def export_quota() -> pd.DataFrame:
    """China's export quota 2005-2014, tonnes gross weight."""
    columns = [
        Column("year", "integer"),
        Column("quota", "number", "t", minimum=0),
        Column("status", valid=STATUS),
        Column("source"),
    ]
    return _frame(read_csv(FOLDER / "china_export_quota.csv", columns, ("year",)))


def use_by_application() -> pd.DataFrame:
    """World use of oxides by application and element, 2008, tonnes REO."""
    columns = [Column("application"), Column("element"), Column("oxide", "number", "t", minimum=0)]
    return _frame(read_csv(FOLDER / "ree_use_by_application_2008.csv", columns, ("application", "element")))


def application_users(which: str) -> pd.DataFrame:
    """Shares of each application's rare earths bought by each `sector` (WIOD) or `us_industry`: columns
    application, user, share."""
    if which == "sector":
        user, file = Column("sector"), "application_to_sector.csv"
    elif which == "us_industry":
        user, file = Column("industry", "integer"), "application_to_us_industry.csv"
    else:
        raise ValueError(f"users are 'sector' or 'us_industry', not {which!r}")
    columns = [Column("application"), user, Column("share", "number", minimum=0, maximum=1)]
    return _frame(read_csv(FOLDER / file, columns, ("application", user.name))).rename(
        columns={user.name: "user"}
    )


def substitutability() -> pd.DataFrame:
    """Substitute performance by element, 0 exemplary to 100 none (Graedel et al. 2015)."""
    columns = [Column("element"), Column("score", "number", "0-100", minimum=0, maximum=100)]
    return _frame(read_csv(FOLDER / "ree_substitutability.csv", columns, ("element",)))


def example_labels() -> dict[str, str]:
    """What the author of each invented patent meant it to be, by id."""
    columns = [Column("id"), Column("label"), Column("title"), Column("abstract"), Column("year", "integer")]
    columns += [Column("cpc"), Column("inventor_country")]
    table = read_csv(FOLDER / "patent_examples.csv", columns, ("id",))
    return dict(zip(table["id"].tolist(), table["label"].tolist(), strict=True))


def _frame(table: Table) -> pd.DataFrame:
    return pd.DataFrame(dict(table.columns))

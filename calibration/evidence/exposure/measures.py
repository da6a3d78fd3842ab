"""How exposed a sector is to rare earths: intensity, direct and total, times how hard they are to replace.

The default comes from world use by application and a judgement of who buys for each application (status:
analyst), so it is soft. Any table of sector and exposure, such as the model's own metrics, can stand in its
place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from calibration.errors import InputError, Problem, unknown_name
from calibration.evidence import shipped
from calibration.tables import Column, read_csv

Array = npt.NDArray[np.float64]
BASE_YEAR = 2009  # the last year before the quota was cut


@dataclass(frozen=True, slots=True)
class Exposure:
    """Metrics by sector (j,). direct, total: USD of oxides per million USD of output; score: 0 good
    substitutes to 1 none, weighted by value; exposure = total x score. element_share: (j, e) of direct use, 0
    where there is none.
    """

    sectors: tuple[str, ...]
    elements: tuple[str, ...]
    direct: Array
    total: Array
    score: Array
    exposure: Array
    element_share: Array

    def frame(self) -> pd.DataFrame:
        """One row per sector."""
        return pd.DataFrame(
            {
                "sector": self.sectors,
                "direct": self.direct,
                "total": self.total,
                "score": self.score,
                "exposure": self.exposure,
            }
        )


def value_by_user(which: str, year: int = BASE_YEAR) -> pd.DataFrame:
    """World use by buying sector and element, million USD at that year's prices (user, element)."""
    prices = shipped.oxide_prices()
    price = prices[prices["year"] == year].set_index("element")["price"]
    use = shipped.use_by_application()
    lacking = sorted(set(use["element"]) - set(price.index))
    if lacking:
        raise InputError(f"no price of {', '.join(lacking)} in {year}")
    use = use.assign(value=use["oxide"] * use["element"].map(price) / 1000)  # t x USD/kg = thousand USD
    joined = use.merge(shipped.application_users(which), on="application", validate="many_to_many")
    joined["value"] *= joined["share"]
    return joined.pivot_table(index="user", columns="element", values="value", aggfunc="sum", fill_value=0.0)


def wiod_exposure(year: int = BASE_YEAR) -> Exposure:
    """Exposure of the 35 WIOD sectors, world technology of 2009 (section 9 of docs/model.md).

    Dependence on the restricting country is left out: one world share for all sectors scales every exposure
    alike.
    """
    names = shipped.sectors()["sector"].tolist()
    panel = shipped.exports()
    output = panel[panel["year"] == year].groupby("sector")["gross_output"].sum().reindex(names)
    inverse = np.linalg.inv(np.eye(len(names)) - shipped.world_inputs().to_numpy())
    return _exposure(value_by_user("sector", year).reindex(names, fill_value=0.0), output.to_numpy(), inverse)


def us_exposure(year: int = BASE_YEAR) -> Exposure:
    """Direct exposure of the 63 US industries, assuming that the US uses rare earths in the world's
    proportions.

    Only the pattern means something; total equals direct, because no input table of these industries is used.
    """
    industries = shipped.us_industries()["industry"].tolist()
    tfp = shipped.us_tfp()
    output = tfp[tfp["year"] == year].set_index("industry")["gross_output"].reindex(industries)
    value = value_by_user("us_industry", year).reindex(industries, fill_value=0.0)
    return _exposure(value, output.to_numpy(), np.eye(len(industries)))


def read_exposure(path: str | Path, names: tuple[str, ...]) -> dict[str, float]:
    """An exposure of the user's own: a CSV file with columns sector and exposure, every name of `names` once.

    Raises InputError on unknown, repeated and missing names.
    """
    table = read_csv(
        path, [Column("sector", valid=names), Column("exposure", "number", minimum=0)], key=("sector",)
    )
    given = dict(zip(table["sector"].tolist(), table["exposure"].tolist(), strict=True))
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(Problem(f"no exposure for {', '.join(missing)}", str(path)))
    return given


def standardise(values: dict[str, float], among: list[str]) -> dict[str, float]:
    """Exposure in standard deviations over the sectors of a sample, mean 0.

    Raises InputError when a sector is unknown or the exposures are all alike.
    """
    unknown = [name for name in among if name not in values]
    if unknown:
        raise InputError([unknown_name("sector", name, values) for name in unknown])
    sample = np.array([values[name] for name in among])
    spread = float(sample.std(ddof=1)) if len(sample) > 1 else 0.0
    if spread <= 1e-12 * max(float(np.abs(sample).max()), 1e-300):
        raise InputError("all sectors of the sample are equally exposed: there is nothing to compare")
    return dict(zip(among, ((sample - sample.mean()) / spread).tolist(), strict=True))


def _exposure(value: pd.DataFrame, output: Array, inverse: Array) -> Exposure:
    """From value bought (j, e) in million USD, gross output (j,) in million USD and the Leontief inverse (j,
    j).
    """
    amount = value.to_numpy()
    rating = shipped.substitutability().set_index("element")["score"].reindex(value.columns).to_numpy() / 100
    bought = amount.sum(1)
    intensity = amount * 1e6 / output[:, None]  # USD per million USD, by element
    total = intensity.T @ inverse  # (e, j): row i of the inverse is what users of j's output need from i
    per_sector = total.sum(0)
    score = np.divide(rating @ total, per_sector, out=np.zeros_like(per_sector), where=per_sector > 0)
    share = np.divide(amount, bought[:, None], out=np.zeros_like(amount), where=bought[:, None] > 0)
    names = tuple(str(name) for name in value.index)
    return Exposure(
        names, tuple(value.columns), intensity.sum(1), per_sector, score, per_sector * score, share
    )

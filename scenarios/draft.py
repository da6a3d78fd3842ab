"""A Shock in the making: what the instruments of a scenario write to, one after the other."""

from __future__ import annotations

import numpy as np

from calibration.errors import one_of
from model.records import Array, Benchmark, ProductionQuota, Quota, Shock
from scenarios.naming import Names
from scenarios.quantities import AnyQuantity, Loc, at


class Draft:
    """A Shock in the making: arrays appear when the first instrument touches them."""

    def __init__(self, names: Names, benchmark: Benchmark, year: int | None) -> None:
        self.names, self.benchmark, self.year = names, benchmark, year
        self.labels = names.labels
        self.arrays: dict[str, Array] = {}
        self.quotas: list[Quota] = []
        self.production_quotas: list[ProductionQuota] = []
        self.remove_base_licence = False

    def array(self, name: str, base: Array | None = None) -> Array:
        """The array of that name; the first time a copy of `base`, or of the neutral value for its kind."""
        if name not in self.arrays:
            self.arrays[name] = np.array(self.neutral(name) if base is None else base, copy=True)
        return self.arrays[name]

    def neutral(self, name: str) -> Array:
        """What an array of the Shock is when nothing happens."""
        n, j, k, _, e = self.benchmark.shape
        shapes = {
            "iceberg": (n, n, k), "embargo": (n, n, k), "use_subsidy": (n, k), "research_subsidy": (n, j, e + 1),
            "productivity": (n, j), "demand_shift": (n, k), "stock_release": (n, k), "recycling": (n, k),
            "recycling_cost": (n, k), "initial_stocks": (n, k), "capacity_investment": (n,),
            "capacity": (n, len(self.labels.stages)),
        }  # fmt: skip
        if name == "embargo":
            return np.zeros(shapes[name], dtype=bool)
        return np.full(shapes[name], 1.0 if name in ("iceberg", "productivity", "demand_shift") else 0.0)

    def now(self, quantity: AnyQuantity | None, default: float = 0.0) -> float:
        """Value of a quantity this year in its default unit; `default` where it has none."""
        value = at(quantity, self.year)
        return default if value is None else value

    def weighed(self, goods: Array, tonnes: Array, loc: Loc = ()) -> Array:
        """Tonnes of the goods with zeros elsewhere; a good that moves but has no price per kg is a problem."""
        tonnes = np.where(goods, tonnes, 0.0)
        for k in np.flatnonzero(~np.isfinite(tonnes).reshape(-1, tonnes.shape[-1]).all(axis=0)):
            priced = np.isfinite(self.benchmark.unit_value)
            valid = [good for at, good in enumerate(self.labels.goods) if priced[:, at].any()]
            self.names.clash(
                loc,
                f"{self.labels.goods[k]} has no price per kg in the calibration",
                one_of(valid),
            )
        return np.nan_to_num(tonnes)

    def shock(self) -> Shock:
        """The finished record."""
        arrays = {name: array for name, array in self.arrays.items() if name != "initial_stocks"}
        if "recycling" in arrays:  # the cost was summed times tonnes; what is wanted is its mean
            arrays["recycling_cost"] = _ratio(arrays["recycling_cost"], arrays["recycling"])
        if "capacity" in arrays:  # the shares of base capacity were summed; what is wanted is ln K
            arrays["capacity"] = np.log1p(arrays["capacity"])
            if not arrays["capacity"].any():
                del arrays["capacity"]
        return Shock(
            quotas=tuple(self.quotas),
            production_quotas=tuple(self.production_quotas),
            remove_base_licence=self.remove_base_licence,
            **arrays,
        )


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)

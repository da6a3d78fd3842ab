"""The model's own results as a panel, so that model and data are held against each other by the same regression."""

from __future__ import annotations

import numpy as np
import xarray as xr

from calibration.errors import InputError, unknown_name
from calibration.evidence.exposure.panels import ExposurePanel, panel_from_arrays
from outputs import growth

OUTCOMES = {
    "exports_volume": "ln export volume",
    "tfp_cost_saved": "ln TFP (cost saved by technology)",
    "ree_patents": "ln rare-earth patents",
}


def panel_from_result(
    result: xr.Dataset,
    variable: str,
    *,
    regime: str,
    scenario: str | None = None,
    base_year: int = 2009,
    last_year: int = 2011,
) -> ExposurePanel:
    """A result's ratios to the base year by region and sector, outside the regions that restrict and the rare-earth
    chain itself; exposure is the mean over the regions left, as in the data it varies by sector only. What there
    was none of in the base year is left out whole, as in the data.

    A result without years is put at `last_year`, the base year of ones before it. Raises InputError on a variable,
    regime or scenario the result does not have.
    """
    if variable not in OUTCOMES or variable not in result:
        raise InputError(unknown_name("variable", variable, [name for name in OUTCOMES if name in result]))
    scenarios, regimes = list(result["scenario"].values), list(result["regime"].values)
    chosen = scenario or scenarios[0]
    problems = [unknown_name("scenario", chosen, scenarios)] if chosen not in scenarios else []
    problems += [unknown_name("regime", regime, regimes)] if regime not in regimes else []
    if problems:
        raise InputError(problems)
    here = result.sel(scenario=chosen, regime=regime)
    kept = here.sel(region=here["restricting"].values == 0, sector=here["chain"].values == 0)
    ratios = kept[variable]
    if "year" in ratios.dims:
        years = tuple(int(y) for y in ratios["year"].values)
        level = ratios.transpose("year", "region", "sector").to_numpy()
    else:
        years = (last_year,)
        level = ratios.transpose("region", "sector").to_numpy()[None]
    if base_year not in years:
        years = (base_year, *years)
        level = np.concatenate([np.ones_like(level[:1]), level])
    level = np.where(growth.had(kept, variable), level, 0.0)
    exposure = kept["exposure"].mean("region").to_numpy()
    return panel_from_arrays(
        level,
        exposure,
        years,
        groups=tuple(map(str, kept["region"].values)),
        sectors=tuple(map(str, kept["sector"].values)),
        name=OUTCOMES[variable],
        source=f"the model: {chosen}, {regime}",
    )

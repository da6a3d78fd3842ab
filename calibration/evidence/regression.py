"""The one door to pyfixest, an optional dependency: fits, and nothing else, come through it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd


def feols(formula: str, data: pd.DataFrame, **options: Any) -> Any:
    """Least squares with fixed effects; arguments and result are pyfixest's."""
    return _quietly(_pyfixest().feols, formula, data, options)


def fepois(formula: str, data: pd.DataFrame, **options: Any) -> Any:
    """Poisson pseudo-maximum likelihood with fixed effects; arguments and result are pyfixest's."""
    return _quietly(_pyfixest().fepois, formula, data, options)


def _quietly(fit: Callable[..., Any], formula: str, data: pd.DataFrame, options: dict[str, Any]) -> Any:
    with warnings.catch_warnings():
        # pyfixest 0.60 still uses calls that pandas 3 has announced to remove: its authors' matter, not our user's.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        return fit(formula, data, **options)


def _pyfixest() -> Any:
    import pyfixest

    return pyfixest

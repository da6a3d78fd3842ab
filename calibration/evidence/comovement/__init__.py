"""Quantile and wavelet co-movement of time series. docs/comovement.md has the methods and a first example.

    from calibration.evidence.comovement import Bootstrap, Control, cross_quantilogram
    tension = Control(tension_index, level=0.5)
    grid = cross_quantilogram(exports, military, levels, [1, 6], controls=[tension], bootstrap=Bootstrap(1000))

Everything takes and returns NumPy arrays. Series are (T,), tables of series (T, d), levels and lags lists;
results are frozen records whose docstrings state shapes.
"""

from calibration.evidence.comovement.alignment import Control
from calibration.evidence.comovement.crossquantilogram import Bootstrap, CrossQuantilogram, cross_quantilogram
from calibration.evidence.comovement.filters import FILTERS, WaveletFilter, wavelet_filter
from calibration.evidence.comovement.hits import quantile, quantile_hits
from calibration.evidence.comovement.local import (
    WINDOWS,
    LocalMultipleCorrelation,
    local_multiple_correlation,
)
from calibration.evidence.comovement.localcross import (
    LocalMultipleCrossCorrelation,
    local_multiple_cross_correlation,
)
from calibration.evidence.comovement.modwt import (
    Modwt,
    brick_wall,
    imodwt,
    modwt,
    multiresolution,
    phase_shift,
)
from calibration.evidence.comovement.multiple import (
    MultipleCorrelation,
    MultipleCrossCorrelation,
    multiple_correlation,
    multiple_cross_correlation,
)
from calibration.evidence.comovement.phases import (
    PhaseDependence,
    PhaseRule,
    block_dependence,
    findings,
    phase_block,
)
from calibration.evidence.comovement.portmanteau import Portmanteau, portmanteau
from calibration.evidence.comovement.regression import (
    cross_quantilogram_regression,
    quantile_regression,
    regression_hits,
)
from calibration.evidence.comovement.resampling import (
    indices_from_uniforms,
    optimal_block_length,
    stationary_indices,
)
from calibration.evidence.comovement.selfnormalised import SelfNormalised, self_normalised
from calibration.evidence.comovement.waveletmoments import (
    ByLevel,
    wavelet_correlation,
    wavelet_covariance,
    wavelet_variance,
)
from calibration.evidence.comovement.waveletregression import (
    WaveletRegression,
    local_regression,
    wavelet_regression,
)
from calibration.evidence.comovement.windows import WindowedQuantilogram, windowed_quantilogram

__all__ = [
    "FILTERS",
    "WINDOWS",
    "Bootstrap",
    "ByLevel",
    "Control",
    "CrossQuantilogram",
    "LocalMultipleCorrelation",
    "LocalMultipleCrossCorrelation",
    "Modwt",
    "MultipleCorrelation",
    "MultipleCrossCorrelation",
    "PhaseDependence",
    "PhaseRule",
    "Portmanteau",
    "SelfNormalised",
    "WaveletFilter",
    "WaveletRegression",
    "WindowedQuantilogram",
    "block_dependence",
    "brick_wall",
    "cross_quantilogram",
    "cross_quantilogram_regression",
    "findings",
    "imodwt",
    "indices_from_uniforms",
    "local_multiple_correlation",
    "local_multiple_cross_correlation",
    "local_regression",
    "modwt",
    "multiple_correlation",
    "multiple_cross_correlation",
    "multiresolution",
    "optimal_block_length",
    "phase_block",
    "phase_shift",
    "portmanteau",
    "quantile",
    "quantile_hits",
    "quantile_regression",
    "regression_hits",
    "self_normalised",
    "stationary_indices",
    "wavelet_correlation",
    "wavelet_covariance",
    "wavelet_filter",
    "wavelet_regression",
    "wavelet_variance",
    "windowed_quantilogram",
]

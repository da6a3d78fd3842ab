"""Wavelet filters: scaling (low-pass) coefficients and the wavelet (high-pass) filter they define.

The Daubechies families are solved from their defining equations (unit energy, orthogonality to their own even
shifts, L/2 vanishing moments) to double precision, starting from the published digits; printed tables are good
to 5e-13 (la8), 6e-12 (d8) and 2e-10 (la20) only. The others are as published: Doroslovacki 1998 (bl), Nielsen
2001 (fk), Morris and Peravali 1999 (mb, seven digits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.evidence.comovement.hits import Floats

_SCALING: dict[str, tuple[float, ...]] = {
    "haar": (
        0.7071067811865476,
        0.7071067811865476,
    ),
    "d4": (
        0.48296291314453416,
        0.8365163037378079,
        0.2241438680420134,
        -0.12940952255126037,
    ),
    "d6": (
        0.33267055295008263,
        0.8068915093110925,
        0.45987750211849154,
        -0.13501102001025458,
        -0.08544127388202666,
        0.03522629188570953,
    ),
    "d8": (
        0.2303778133088965,
        0.7148465705529157,
        0.6308807679298589,
        -0.027983769416859854,
        -0.18703481171909309,
        0.030841381835560764,
        0.0328830116668852,
        -0.010597401785069032,
    ),
    "d16": (
        0.05441584224310401,
        0.31287159091429995,
        0.6756307362972898,
        0.5853546836542067,
        -0.015829105256349306,
        -0.2840155429615469,
        0.0004724845739132828,
        0.12874742662047847,
        -0.017369301001807547,
        -0.044088253930794755,
        0.013981027917398282,
        0.008746094047405777,
        -0.004870352993451574,
        -0.00039174037337694705,
        0.0006754494064505693,
        -0.00011747678412476953,
    ),
    "la8": (
        -0.07576571478950221,
        -0.029635527646002493,
        0.497618667632775,
        0.8037387518051321,
        0.29785779560530606,
        -0.09921954357663353,
        -0.012603967262031304,
        0.032223100604051466,
    ),
    "la16": (
        -0.0033824159510050028,
        -0.0005421323318000107,
        0.03169508781152599,
        0.007607487324976609,
        -0.14329423835127267,
        -0.061273359067811076,
        0.4813596512590534,
        0.777185751699628,
        0.36444189483617895,
        -0.0519458381078818,
        -0.027219029917103486,
        0.04913717967373029,
        0.0038087520138944896,
        -0.014952258337062199,
        -0.0003029205147241331,
        0.001889950332767689,
    ),
    "la20": (
        0.0007701598091144599,
        9.563267072285273e-05,
        -0.00864129927702215,
        -0.0014653825813046104,
        0.04592723923109151,
        0.011609893903711319,
        -0.1594942788849106,
        -0.07088053578323157,
        0.4716906669384429,
        0.769510037021098,
        0.3838267610670763,
        -0.035536740473819585,
        -0.03199005688242811,
        0.049994972077375154,
        0.00576491203358115,
        -0.02035493981231111,
        -0.0008043589320164513,
        0.004593173585311792,
        5.703608361849501e-05,
        -0.00045932942100465206,
    ),
    "bl14": (
        0.0120154192834842,
        0.0172133762994439,
        -0.0649080035533744,
        -0.064131289818917,
        0.3602184608985549,
        0.7819215932965554,
        0.4836109156937821,
        -0.0568044768822707,
        -0.1010109208664125,
        0.0447423494687405,
        0.0204642075778225,
        -0.0181266051311065,
        -0.0032832978473081,
        0.0022918339541009,
    ),
    "fk4": (
        0.6539275555697651,
        0.7532724928394872,
        0.05317922877905981,
        -0.0461657148152177,
    ),
    "fk8": (
        0.3492381118637999,
        0.7826836203840648,
        0.4752651350794712,
        -0.09968332845057319,
        -0.1599780974340301,
        0.04310666810651625,
        0.04258163167758178,
        -0.01900017885373592,
    ),
    "mb8": (
        0.06436345,
        0.007106015,
        -0.1108673,
        0.2947855,
        0.7351331,
        0.5725771,
        0.01847751,
        -0.1673619,
    ),
    "mb16": (
        0.005765899,
        0.009620427,
        -0.04984698,
        -0.02483876,
        0.05474628,
        -0.01987986,
        -0.05656657,
        0.2345342,
        0.6701646,
        0.6349228,
        0.1188725,
        -0.2278359,
        -0.0577657,
        0.1136116,
        0.02173677,
        -0.0130277,
    ),
}

FILTERS = tuple(_SCALING)


@dataclass(frozen=True)
class WaveletFilter:
    """A scaling filter g (L,), L even, with wavelet filter h_l = (-1)^l g_{L-1-l}. Any g may be given."""

    name: str
    scaling: Floats

    @property
    def wavelet(self) -> Floats:
        sign = np.where(np.arange(self.length) % 2, -1.0, 1.0)
        return sign * self.scaling[::-1]

    @property
    def length(self) -> int:
        return int(self.scaling.size)

    def shift(self, level: int) -> int:
        """How far level-j wavelet coefficients lie behind the series: round(2^(j-1) (c_g + c_h) - c_g)."""
        return round(
            2 ** (level - 1) * (_centre(self.scaling) + _centre(self.wavelet)) - _centre(self.scaling)
        )

    def smooth_shift(self, level: int) -> int:
        """The same for the scaling coefficients of level J: round((2^J - 1) c_g)."""
        return round((2**level - 1) * _centre(self.scaling))

    def boundary(self, level: int) -> int:
        """How many coefficients of a level the ends of the series reach: (2^j - 1)(L - 1)."""
        return int((2**level - 1) * (self.length - 1))


def _centre(f: Floats) -> float:
    """Centre of energy of a filter, sum l f_l^2 / sum f_l^2 (Hess-Nielsen and Wickerhauser 1996)."""
    return float(np.sum(np.arange(f.size) * f**2) / np.sum(f**2))


def wavelet_filter(name: str | WaveletFilter | ArrayLike) -> WaveletFilter:
    """A filter by name (see FILTERS; case does not matter), or from its own scaling coefficients."""
    if isinstance(name, WaveletFilter):
        return name
    if not isinstance(name, str):
        g = np.asarray(name, dtype=float)
        if g.ndim != 1 or g.size < 2 or g.size % 2:
            raise ValueError(f"a scaling filter has an even number of coefficients, got shape {g.shape}")
        return WaveletFilter("own", g)
    if name.lower() not in _SCALING:
        raise ValueError(f"unknown wavelet filter {name!r}; expected one of {', '.join(FILTERS)}")
    return WaveletFilter(name.lower(), np.array(_SCALING[name.lower()]))

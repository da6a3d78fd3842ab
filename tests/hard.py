"""Random scenarios at the edge of what anybody would ask: quotas to 0.1 % of base exports, embargoes on several
origins, taxes of 1,000 %, almost no or almost perfect substitution, no by-product flexibility, spillovers on."""

from __future__ import annotations

from functools import cache

import numpy as np

from calibration import load
from model.records import Benchmark, Closure, Shock
from tests.instruments import Case, awkward, exports_of, quota_on

WORLDS = 8


def hard(seed: int) -> Case:
    """One scenario: every fifth on a calibration with real data, the others on small random worlds."""
    rng = np.random.default_rng(seed)
    b = _small() if seed % 5 == 0 else _world(int(rng.integers(WORLDS)))
    b = b.replace(parameters=_extreme(rng, b))
    closure = Closure("directed_with_spillovers", "target", rng.choice(["given", "target"]))
    return Case(b, _shock(rng, b), closure)


@cache
def _small() -> Benchmark:
    return load("china-2009-small").benchmark


@cache
def _world(seed: int) -> Benchmark:
    return awkward(seed, sparse=seed % 2 == 1, gaps=seed % 2 == 1, licence=seed % 4 == 2)


def _extreme(rng, b: Benchmark):
    """eps 0.03 to 1.2, rho 0.1 to 1.5, sigma 1.5 to 20 by good, tau 0 to 2 (0 in every second scenario)."""
    _, j, k, _, _ = b.shape
    return b.parameters.replace(
        ree_elasticity=np.exp(rng.uniform(np.log(0.03), np.log(1.2), j)),
        element_elasticity=np.exp(rng.uniform(np.log(0.1), np.log(1.5), j)),
        trade_elasticity=np.exp(rng.uniform(np.log(1.5), np.log(20.0), k)),
        transformation_elasticity=np.full(j, rng.choice([0.0, rng.uniform(0.0, 2.0)])),
    )


def _shock(rng, b: Benchmark) -> Shock:
    """Any of quotas, embargoes, export taxes and tariffs, and at least one of them."""
    kinds = rng.random(4) < 0.5
    kinds[rng.integers(4)] = True
    quotas = _quotas(rng, b) if kinds[0] else ()
    return Shock(
        quotas=quotas,
        embargo=_embargo(rng, b) if kinds[1] else None,
        export_tax=_rates(rng, b, b.export_tax) if kinds[2] else None,
        tariff=_rates(rng, b, b.tariff) if kinds[3] else None,
    )


def _some_elements(rng, b: Benchmark) -> np.ndarray:
    return rng.choice(b.elements, rng.integers(1, len(b.elements) + 1), replace=False)


def _quotas(rng, b: Benchmark):
    """Up to three origins, each with a limit of 0.1 % to 100 % of its base exports of some elements."""
    sold = (b.trade_share * ~np.eye(len(b.output), dtype=bool)[:, :, None]).sum(axis=(0, 2)) > 0
    found = []
    for origin in rng.permutation(len(b.output))[: rng.integers(1, 4)]:
        goods = np.intersect1d(
            _some_elements(rng, b), np.nonzero(sold[origin] & np.isfinite(b.unit_value[origin]))[0]
        )
        covers = exports_of(b, int(origin), goods)
        if (b.trade_share.sum(axis=0)[covers] > 0).any():
            found.append(quota_on(b, f"quota-{origin}", covers, 10 ** rng.uniform(-3, 0)))
    return tuple(found)


def _embargo(rng, b: Benchmark) -> np.ndarray:
    """Two or three origins sell nothing abroad of some elements."""
    closed = np.zeros(b.export_tax.shape, dtype=bool)
    for origin in rng.permutation(len(b.output))[: rng.integers(2, 4)]:
        closed |= exports_of(b, int(origin), _some_elements(rng, b))
    return closed


def _rates(rng, b: Benchmark, base: np.ndarray) -> np.ndarray:
    """Rates of up to 1,000 % on elements, by cell."""
    out = base.copy()
    for k in _some_elements(rng, b):
        out[:, :, k] += rng.uniform(0, 10) * rng.random(base.shape[:2]) * ~np.eye(len(base), dtype=bool)
    return out

"""Rare-earth intensities of about 400 US industries, with the carve-out of a calibration.

The elements that the base year has the United States buy, by application, and the magnets its industries buy, are split
over the detail industries of the BEA; requirements follow from the make and use tables under industry technology.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from calibration import strict_yaml
from calibration.errors import InputError, Problem, unknown_name
from calibration.identities import gate_values, licence_rate
from calibration.schema import UsDetail
from calibration.sources.bea import DetailTable
from calibration.tables import write_csv
from calibration.validate import validate

if TYPE_CHECKING:
    from calibration.load import Calibration

Array = npt.NDArray[np.float64]

CONCORDANCE = Path(__file__).parent / "concordances" / "bea-detail.yaml"
REGION = "USA"
KG, MILLION = 1e3, 1e6
LARGEST_SHARE = 0.9  # of a host cell that may be taken out


@dataclass(frozen=True)
class Intensities:
    """Rare earths by US industry: per million USD of output. e elements, j industries."""

    industries: tuple[str, ...]
    names: tuple[str, ...]
    sectors: tuple[str, ...]  # of the world table
    elements: tuple[str, ...]
    output: Array  # (j,) million USD
    direct: Array  # (e,j) kg REO of separated elements bought
    in_magnets: Array  # (e,j) kg REO in magnets bought
    total: Array  # (e,j) kg REO bought by the industry and all that supply it, magnets included
    direct_value: Array  # (j,) USD
    total_value: Array  # (j,) USD, elements in magnets at the price of elements
    moved: float  # million USD of rare earths for which the host cell was too small; taken from the host's other cells


def intensities(base: Calibration, table: DetailTable, file: Path = CONCORDANCE) -> Intensities:
    """Direct and total intensities of every detail industry, by the calibration's use in the United States."""
    document = strict_yaml.load(file)
    concordance = validate(UsDetail, document)
    sector_of = sector_of_industry(concordance, table.industries, str(file))
    elements = _elements_bought(base, concordance, table.industries, document)  # (e,j) t REO
    magnets, magnet_value = _magnets_bought(base, concordance, table.industries, document)
    price = _price(base)  # (e,) USD per kg REO in the United States
    value = elements.T @ price * KG / MILLION
    use, moved = _carved(table, concordance, value, magnet_value)
    output = np.where(table.output > 0, table.output, 1.0)
    shares = table.make / np.where(
        table.make.sum(0) > 0, table.make.sum(0), 1.0
    )  # of industries in commodities
    coefficients = shares @ (use / output)
    leontief = np.linalg.inv(np.eye(len(output)) - coefficients)
    direct, in_magnets = elements * KG / output, magnets * KG / output
    total = (direct + in_magnets) @ leontief
    return Intensities(
        industries=table.industries,
        names=tuple(table.names.get(code, "") for code in table.industries),
        sectors=sector_of,
        elements=base.labels.elements,
        output=table.output,
        direct=direct,
        in_magnets=in_magnets,
        total=total,
        direct_value=price @ direct,
        total_value=price @ total,
        moved=moved,
    )


def sector_of_industry(concordance: UsDetail, industries: tuple[str, ...], file: str) -> tuple[str, ...]:
    """The sector of each industry by the longest prefix. Raises InputError for codes without one."""
    prefixes = {prefix: sector for sector, members in concordance.sectors.items() for prefix in members}
    found = []
    problems = []
    for code in industries:
        fitting = [prefix for prefix in prefixes if code.startswith(prefix)]
        if not fitting:
            problems.append(Problem(f"industry {code} has no sector", file, where="sectors"))
            continue
        found.append(prefixes[max(fitting, key=len)])
    if problems:
        raise InputError(problems)
    return tuple(found)


def _elements_bought(
    base: Calibration, concordance: UsDetail, industries: tuple[str, ...], document: strict_yaml.Document
) -> Array:
    """(e,j) t REO: the region's use by application and element, over the industries of each application."""
    r, labels = base.settings.rare_earths, base.labels
    region = labels.regions.index(REGION)
    bought = base.chain.shipments[:, region].sum(0) * base.benchmark.reo_content[base.benchmark.elements]
    reprocessed = base.chain.reprocessed[region]
    weights = {}
    for application, tonnes in r.element_by_application.value.items():
        lean = r.application_by_region.value[application]
        factor = lean.get(REGION, lean.get("default", 0.0))
        weights[application] = np.array([tonnes.get(e, 0.0) for e in labels.elements]) * factor
    total = np.array(sum(weights.values()))
    table = np.zeros((len(labels.elements), len(industries)))
    for application, weight in weights.items():
        share = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
        split = _split(concordance.applications, application, industries, document, "applications")
        table += np.outer(bought * share * (1 - reprocessed), split)
    split = _split(concordance.applications, "reprocessing", industries, document, "applications")
    unused = np.where(total > 0, reprocessed, 1.0)
    return table + np.outer(bought * unused, split)


def _magnets_bought(
    base: Calibration, concordance: UsDetail, industries: tuple[str, ...], document: strict_yaml.Document
) -> tuple[Array, Array]:
    """(e,j) t REO contained in magnets bought, and (j,) million USD."""
    b, labels = base.benchmark, base.labels
    region, good = labels.regions.index(REGION), labels.goods.index("magnets")
    gate = gate_values(b)[:, region, good]
    tonnes = float((gate * MILLION / (b.unit_value[:, good] * KG)).sum() * b.reo_content[good])
    makers = labels.sectors.index("magnets")
    elements = np.einsum("ine,ne->e", base.chain.shipments, base.chain.sector_share[:, :, makers])
    elements = elements * b.reo_content[b.elements]
    mix = elements / elements.sum()
    bought = b.use[region, good]
    value = np.zeros(len(industries))
    for sector in concordance.magnets:
        part = bought[labels.sectors.index(sector)]
        value += part * _split(concordance.magnets, sector, industries, document, "magnets")
    return np.outer(mix * tonnes, value / value.sum()), value


def _split(
    table: dict[str, dict[str, float]],
    name: str,
    industries: tuple[str, ...],
    document: strict_yaml.Document,
    section: str,
) -> Array:
    """(j,) shares of industries in an application, adding to one."""
    if name not in table:
        raise InputError(document.problem((section,), f"no industries for {name!r}"))
    unknown = [code for code in table[name] if code not in industries]
    if unknown:
        problem = unknown_name("industry", unknown[0], industries)
        raise InputError(
            document.problem((section, name, unknown[0]), problem.what, problem.expected, problem.suggestion)
        )
    row = np.array([table[name].get(code, 0.0) for code in industries])
    return row / row.sum()


def _price(base: Calibration) -> Array:
    """(e,) what users in the region pay, USD per kg REO."""
    b = base.benchmark
    region = base.labels.regions.index(REGION)
    gate = gate_values(b)[:, region, b.elements]
    licence = licence_rate(b.licence, b.unit_value)[:, region, b.elements]
    paid = (gate * (1 + b.export_tax[:, region, b.elements]) * (1 + licence)).sum(0)
    tonnes = (gate * MILLION / (b.unit_value[:, b.elements] * KG)).sum(0)
    return paid * MILLION / (tonnes * KG * b.reo_content[b.elements])


def _carved(
    table: DetailTable, concordance: UsDetail, elements: Array, magnets: Array
) -> tuple[Array, float]:
    """Use without the rare earths in it (commodity, industry), and what the host cells could not give.

    Rare earths are rows of their own, whose inputs are those of their hosts abroad: only double counting is removed.
    """
    use = table.use.copy()
    moved = 0.0
    for good, value in ((concordance.hosts["elements"], elements), (concordance.hosts["magnets"], magnets)):
        row = table.commodities.index(good)
        taken = np.minimum(value, LARGEST_SHARE * np.maximum(use[row], 0.0))
        left = use[row] - taken
        short = float((value - taken).sum())
        use[row] = left * (1 - short / left.sum())
        moved += short
    return use, moved


@dataclass(frozen=True)
class SectorComparison:
    """A sector in both tables: kg REO per million USD."""

    sector: str
    detail_direct: float
    world_direct: float
    detail_total: float
    world_total: float


def compare_with_world(base: Calibration, detail: Intensities) -> tuple[SectorComparison, ...]:
    """Sectors of the detail table put together, beside the same sectors of the United States in the world table.

    Direct: elements and the content of magnets bought. Total: with all suppliers; in the world table also those abroad.
    """
    world_direct, world_total = world_intensities(base)
    region = base.labels.regions.index(REGION)
    rows = []
    for sector in dict.fromkeys(detail.sectors):
        members = np.array([name == sector for name in detail.sectors])
        weight = detail.output[members] / detail.output[members].sum()
        position = base.labels.sectors.index(sector)
        rows.append(
            SectorComparison(
                sector,
                float((detail.direct + detail.in_magnets)[:, members].sum(0) @ weight),
                float(world_direct[region, position]),
                float(detail.total[:, members].sum(0) @ weight),
                float(world_total[region, position]),
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.detail_total))


def world_intensities(base: Calibration) -> tuple[Array, Array]:
    """(n,j) kg REO per million USD of output in the world table: bought directly, and in all that is bought.

    Bought directly: elements and the content of magnets. The total follows elements through every purchase, magnets
    included, so that magnets are counted by the elements their makers bought.
    """
    b, labels = base.benchmark, base.labels
    n, j = b.output.shape
    content = b.reo_content[b.elements]
    tonnes = base.chain.shipments.sum(0) * content  # (n,e)
    elements = np.einsum("ne,nej->nj", tonnes, base.chain.sector_share) * KG
    output = np.where(b.output > 0, b.output, 1.0)
    purchased = gate_values(b)
    share = np.divide(purchased, purchased.sum(0), out=np.zeros_like(purchased), where=purchased.sum(0) > 0)
    # Magnets bought, by the mean content of all magnets made by each origin.
    good, makers = labels.goods.index("magnets"), labels.sectors.index("magnets")
    per_value = np.divide(
        elements[:, makers], b.output[:, makers], out=np.zeros(n), where=b.output[:, makers] > 0
    )
    in_magnets = np.einsum("in,i,nj->nj", share[:, :, good], per_value, b.use[:, good])
    in_magnets[:, makers] = 0.0
    direct = (elements + in_magnets) / output
    makes = (b.make > 0).astype(float)  # every good has one maker in each origin
    flows = np.einsum("ijk,ink,nkm->ijnm", makes, share, b.use, optimize=True).reshape(n * j, n * j)
    coefficients = flows / output.reshape(1, -1)
    total = np.linalg.solve((np.eye(n * j) - coefficients).T, (elements / output).reshape(-1))
    return direct, total.reshape(n, j)


def write(
    detail: Intensities, comparison: tuple[SectorComparison, ...], folder: Path, stem: str, notes: list[str]
) -> None:
    """Write one CSV of industries, most exposed first, and one of sectors beside the world table."""
    order = np.argsort(-detail.total.sum(0), kind="stable")
    digits = "{:.6g}".format
    columns: dict[str, list[object]] = {
        "industry": [detail.industries[p] for p in order],
        "name": [detail.names[p] for p in order],
        "sector": [detail.sectors[p] for p in order],
        "output [million USD]": [float(digits(detail.output[p])) for p in order],
        "direct [kg REO per million USD]": [float(digits(detail.direct[:, p].sum())) for p in order],
        "in_magnets [kg REO per million USD]": [float(digits(detail.in_magnets[:, p].sum())) for p in order],
        "total [kg REO per million USD]": [float(digits(detail.total[:, p].sum())) for p in order],
        "direct_value [USD per million USD]": [float(digits(detail.direct_value[p])) for p in order],
        "total_value [USD per million USD]": [float(digits(detail.total_value[p])) for p in order],
    }
    for e, element in enumerate(detail.elements):
        columns[f"total_{element} [kg REO per million USD]"] = [
            float(digits(detail.total[e, p])) for p in order
        ]
    write_csv(folder / f"{stem}.csv", columns, comments=notes)
    fields = ("detail_direct", "world_direct", "detail_total", "world_total")
    table: dict[str, list[object]] = {"sector": [row.sector for row in comparison]}
    for name in fields:
        values = [float(digits(getattr(row, name))) for row in comparison]
        table[f"{name} [kg REO per million USD]"] = list(values)
    write_csv(folder / f"{stem}_by_sector.csv", table, comments=notes)

"""A calibration: YAML and host table -> `Benchmark`, labels, and the table of parameters with their sources."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration import host as host_tables
from calibration import identities, inherit, inputs, parameters, strict_yaml
from calibration.base_year import assemble, remove_negative_final
from calibration.carve import Carved, CarveData, carve
from calibration.chain import Chain, ChainData, build_chain
from calibration.concordance import ambiguous, misleading
from calibration.errors import InputError, Problem, nearest, one_of
from calibration.files import named_in
from calibration.naming import Axis, Namer
from calibration.provenance import Parameter, provenance
from calibration.salvage import LEFT_OUT, overlaps
from calibration.schema import CalibrationFile, Concordance
from calibration.strict_yaml import Document
from calibration.validate import read, validate
from calibration.vary import forbidden_ends
from model.records import Benchmark, Labels

Array = npt.NDArray[np.float64]

# What is read in place of what is refused, so that the rest of an entry and all others are checked.
STAND_INS = {
    **dict.fromkeys(("name", "title", "tables", "unit", "source"), "x"), "soft": LEFT_OUT, "facts": LEFT_OUT,
    "status": "analyst", "range": [-1e300, 1e300], "range_factor": [1, 1], "value.*": 1, "value": {}, "year": 2000,
    "limits": [],
}  # fmt: skip
# What a parameter of the calibration can change in a base year: income divided anew.
ASSEMBLED = ("output", "make", "use", "final", "trade_share", "factor_payment", "research_share", "deficit")


@dataclass(frozen=True)
class Calibration:
    """A base year ready to solve."""

    name: str
    title: str
    year: int
    benchmark: Benchmark
    labels: Labels
    parameters_table: tuple[Parameter, ...]
    limits: tuple[str, ...]  # stated on every result
    path: Path
    hashes: dict[str, str]  # SHA-256 of the YAML files, the concordance and every table
    settings: CalibrationFile = field(repr=False)
    document: Document = field(repr=False)
    concordance: Concordance = field(repr=False)
    chain: Chain = field(repr=False)
    carved: Carved = field(repr=False)
    host: host_tables.Host = field(repr=False)
    notes: tuple[str, ...] = ()  # what was adjusted, with amounts
    vat_not_refunded: float = 0.0  # part of the export tax on elements: 1 + x0 = (1 + duty)(1 + VAT)
    latent_capacity: dict[tuple[str, str], float] = field(default_factory=dict)  # (region, stage) -> K of E22

    @property
    def region(self) -> Axis:
        """Regions, and how names of the parameter files lead to them."""
        return inputs.make_axes(self.settings, self.concordance).region

    @property
    def customs_origin(self) -> int:
        """Position of the region whose exports the customs data give by destination."""
        return self.region.position(self.settings.origin_of_customs_data)


def find(path_or_name: str | Path) -> Path:
    """The file of a calibration given by path or by the name of one that is shipped."""
    path = Path(path_or_name)
    if path.suffix in (".yaml", ".yml"):
        return path
    shipped = inherit.available()
    if str(path_or_name) not in shipped:
        text = f"no calibration {str(path_or_name)!r}"
        expected = f"a path ending in .yaml, or {one_of(shipped)}"
        raise InputError(Problem(text, expected=expected, suggestion=nearest(path_or_name, shipped)))
    return shipped[str(path_or_name)]


def placed(name: str, folder: Path) -> str:
    """What a file in `folder` calls its calibration, as `find` takes it: paths from that folder, names as they are."""
    return str(named_in(folder, name)) if name.endswith((".yaml", ".yml")) else name


def read_settings(path: Path) -> tuple[CalibrationFile, Document, Concordance, list[Path]]:
    """A calibration YAML with what it is based on, its concordance, and all files read. Raises InputError."""
    document, files = inherit.load(path)
    reading = read(CalibrationFile, document, STAND_INS)
    problems = list(reading.problems)
    if reading.record is None:
        raise InputError(problems)
    for where, problem in forbidden_ends(reading.record, reading.document):
        if not overlaps(where[:2], reading.doubts):
            problems.append(problem)
    concordance_path = inherit.beside(document, "concordance")
    try:
        groups = strict_yaml.load(concordance_path)
        concordance = validate(Concordance, groups)
        elements = reading.record.elements
        if wrong := misleading(concordance, groups) + ambiguous(elements, document, concordance, groups):
            raise InputError(wrong)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:  # the names that can be looked up without the tables
        namer = Namer(reading.document, reading.doubts)
        parameters.look_up(reading.record.parameters, namer, inputs.make_axes(reading.record, concordance))
        found = [*problems, *namer.problems]
        raise InputError(sorted(found, key=lambda problem: (problem.file, problem.line or 0)))
    return reading.record, document, concordance, [*files, concordance_path]


def load(path_or_name: str | Path) -> Calibration:
    """Read a calibration, carve out the rare-earth chain and balance the base year. Raises InputError."""
    path = find(path_or_name)
    settings, document, concordance, files = read_settings(path)
    folder = inherit.beside(document, "tables")
    if not folder.is_dir():
        text = f"the tables of {settings.name} are not here: {folder} does not exist"
        command = f"built by `python run.py calibrate {path} --source DIR`"
        raise InputError(document.problem(("tables",), text, command))
    host = host_tables.read(folder, tuple(concordance.regions), tuple(concordance.sectors))
    hashes: dict[str, str] = {}
    for at, file in enumerate(files):  # several may have the same name, in different folders
        name = file.name if file.name not in hashes else f"{file.name} ({at})"
        hashes[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    return build(settings, document, concordance, host, path, {**hashes, **host_tables.hashes(folder)})


def build(
    settings: CalibrationFile,
    document: Document,
    concordance: Concordance,
    host: host_tables.Host,
    path: Path,
    hashes: dict[str, str],
) -> Calibration:
    """The calibration of a host table. Raises InputError when names are wrong or the base year does not balance."""
    axes = inputs.make_axes(settings, concordance)
    labels = inputs.make_labels(axes)
    namer = Namer(document)
    chain_data = inputs.chain_data(settings, namer, axes, host)
    carve_data = inputs.carve_data(settings, namer, axes, chain_data)
    if namer.problems:  # what else is wrong that would be found later
        parameters.look_up(settings.parameters, namer, axes)
    namer.finish()
    chain = build_chain(chain_data)
    final_trade, moved, added = remove_negative_final(host.final_trade)
    carved = carve(carve_data, chain, host.intermediate_trade, host.use, final_trade)
    export_tax = _export_tax(chain_data, labels)
    fixed = {
        "export_tax": export_tax,
        "tariff": np.zeros_like(export_tax),
        "licence": _licence(chain_data, labels),
        "unit_value": _unit_values(chain, carve_data, labels),
        "reo_content": _reo_content(chain_data, carve_data, labels),
    }
    benchmark = _benchmark(settings, namer, axes, carved, fixed)
    identities.check(benchmark, labels, document.file)
    return Calibration(
        name=settings.name,
        title=settings.title,
        year=settings.year,
        benchmark=benchmark,
        labels=labels,
        parameters_table=provenance(settings),
        limits=settings.limits,
        path=path,
        hashes=hashes,
        settings=settings,
        document=document,
        concordance=concordance,
        chain=chain,
        carved=carved,
        host=host,
        notes=_notes(host, carved, moved, added),
        vat_not_refunded=settings.rare_earths.vat_not_refunded.value,
        latent_capacity=_latent(settings, namer, axes, chain_data),
    )


def reparametrised(base: Calibration, settings: CalibrationFile) -> Calibration:
    """`build` where settings differ from the base's in the section `parameters` only: nothing is carved again.

    The benchmark shares the base's data, and what was computed from them, unless a parameter divides income anew.
    """
    axes, namer, old = inputs.make_axes(settings, base.concordance), Namer(base.document), base.benchmark
    fixed = {
        name: getattr(old, name) for name in ("export_tax", "tariff", "licence", "unit_value", "reo_content")
    }
    benchmark = _benchmark(settings, namer, axes, base.carved, fixed)
    if all(np.array_equal(getattr(old, name), getattr(benchmark, name)) for name in ASSEMBLED):
        benchmark = old.replace(parameters=benchmark.parameters)
    else:
        identities.check(benchmark, base.labels, base.document.file)
    return replace(base, benchmark=benchmark, settings=settings, parameters_table=provenance(settings))


def _benchmark(
    settings: CalibrationFile, namer: Namer, axes: inputs.Axes, carved: Carved, fixed: dict[str, Array]
) -> Benchmark:
    """The base year of carved flows; fixed: taxes, licences and unit values. Raises InputError."""
    labels = inputs.make_labels(axes)
    shares = parameters.shares(settings.parameters, namer, axes, carved)
    rate = identities.licence_rate(fixed["licence"], fixed["unit_value"])
    arrays = assemble(carved, _makes(labels), fixed["export_tax"], rate, shares, settings.use_classes)
    elements = np.array([labels.goods.index(element) for element in labels.elements])
    benchmark = Benchmark(
        **arrays,
        **fixed,
        subsidy=np.zeros_like(arrays["output"]),
        elements=elements,
        parameters=parameters.model_parameters(settings.parameters, namer, axes, arrays, elements),
        use_class=np.zeros(len(labels.sectors), dtype=int),
        final_class=settings.use_classes - 1,
        stage_sector=np.array([labels.sectors.index(stage) for stage in labels.stages]),
        labour=0,
        numeraire=np.array([True, True, False]),
    )
    namer.finish()
    return benchmark


def _export_tax(data: ChainData, labels: Labels) -> Array:
    """(i,n,k) x0: on elements that leave the customs origin."""
    tax = np.zeros((len(labels.regions), len(labels.regions), len(labels.goods)))
    for element, rate in zip(labels.elements, data.export_tax, strict=True):
        tax[data.customs_origin, :, labels.goods.index(element)] = rate
    tax[data.customs_origin, data.customs_origin] = 0.0
    return tax


def _licence(data: ChainData, labels: Labels) -> Array:
    """(i,k) USD/kg: the rent of a quota of the customs origin in the base year."""
    licence = np.zeros((len(labels.regions), len(labels.goods)))
    for element in labels.elements:
        licence[data.customs_origin, labels.goods.index(element)] = data.licence
    return licence


def _makes(labels: Labels) -> Array:
    """(j,k) 1 where sector j makes good k: sectors their own good, separation every element."""
    ordinary = len(labels.sectors) - len(labels.stages)
    mining, separation, magnets = ordinary, ordinary + 1, ordinary + 2
    makes = np.zeros((len(labels.sectors), len(labels.goods)))
    makes[np.arange(ordinary), np.arange(ordinary)] = 1.0
    makes[mining, ordinary] = 1.0
    makes[separation, ordinary + 1 : -1] = 1.0
    makes[magnets, -1] = 1.0
    return makes


def _unit_values(chain: Chain, data: CarveData, labels: Labels) -> Array:
    """(i,k) USD/kg at the gate of rare-earth goods, nan for others. Where nothing is mined: the mean elsewhere."""
    values = np.full((len(labels.regions), len(labels.goods)), np.nan)
    first = len(labels.goods) - len(labels.elements) - 2
    concentrate = chain.concentrate_value
    values[:, first] = np.where(concentrate > 0, concentrate, concentrate[concentrate > 0].mean())
    values[:, first + 1 : -1] = chain.element_value
    values[:, -1] = data.magnet_price
    return values


def _reo_content(chain: ChainData, data: CarveData, labels: Labels) -> Array:
    """(k,) kg REO per kg of rare-earth goods, nan for others."""
    content = np.full(len(labels.goods), np.nan)
    content[-len(labels.elements) - 2 :] = [
        chain.concentrate_content,
        *chain.reo_content,
        data.magnet_content,
    ]
    return content


def _latent(
    settings: CalibrationFile, namer: Namer, axes: inputs.Axes, data: ChainData
) -> dict[tuple[str, str], float]:
    """(region, stage) -> capacity of the reference plant over what ran in the base year. Raises InputError."""
    base = {"ree_mining": data.concentrate_trade.sum(1), "ree_separation": data.concentrate_trade.sum(0)}
    found = {}
    for region, stages in settings.rare_earths.latent_capacity.value.items():
        path = (*inputs.at("latent_capacity"), "value", region)
        position = namer.position(axes.region, region, path)
        for stage, tonnes in stages.items():
            if stage not in base:
                text, expected = f"no tonnes of stage {stage!r}", one_of(base)
                namer.refuse((*path, stage), text, expected)
            elif base[stage][position] <= 0:
                text = f"{stage} of {region} has no share in the base year, so that it can never open"
                namer.refuse((*path, stage), text, "a small mine_output")
            else:
                found[axes.region.names[position], stage] = tonnes / float(base[stage][position])
    namer.finish()
    return found


def _notes(host: host_tables.Host, carved: Carved, fallen: float, added: float) -> tuple[str, ...]:
    """What was adjusted, with amounts in million USD."""
    gap = np.abs(host.intermediate_trade.sum(1) + host.final_trade.sum(1) - host.stated_output)
    notes = []
    for moved in carved.moved:
        if moved.good is not None:
            what = f"between origins of {host.sectors[moved.good]}"
        else:
            what = f"between purchases of {host.regions[moved.region or 0]}"
        notes.append(f"Balancing moved {moved.amount:.3g} million USD {what}, totals kept.")
    if fallen > 0:
        notes.insert(
            0,
            f"Falls of stocks: negative final sales of {fallen:,.0f} million USD set to zero; {added:,.0f} of them "
            "exceed the other final sales of their origin and good and count as output.",
        )
    if gap.max() > 0.5:
        text = f"Output is the sum of sales; the source table states it within {gap.max():,.0f} million USD."
        notes.insert(0, text)
    return tuple(notes)

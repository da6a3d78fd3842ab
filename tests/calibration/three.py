"""A world of three economies to calibrate: a random table in WIOD's format and a little trade in rare earths."""

from __future__ import annotations

from pathlib import Path

import yaml

import calibration
from tests.calibration import raw_tables as raw

FOLDER = Path(calibration.__file__).parent
SECTORS = (
    "mining",
    "petroleum",
    "chemicals",
    "minerals",
    "metals",
    "machinery",
    "electrical_optical",
    "transport",
)
# Every sector of the parameter files that is none of these is within one of them.
STANDARD = yaml.safe_load((FOLDER / "concordances" / "wiod2013-12x35.yaml").read_text())
WITHIN = {name: "machinery" for name in STANDARD["sectors"] if name not in SECTORS} | {
    "transport_equipment": "transport"
}
ELSEWHERE = {name: "ROW" for name in STANDARD["regions"] if name not in raw.COUNTRIES}


def write(folder: Path, source: Path, name: str = "three") -> Path:
    """Write raw tables into source, and a calibration NAME.yaml with its concordance into folder."""
    source.mkdir(exist_ok=True)
    flows, final, output = raw.world(3)
    raw.write_npz(source / "wiod2013_2009.npz", flows, final, output)
    rows = ["year,exporter,importer,product,value_kusd,quantity_tonnes"]
    rows += ["2009,China,Japan,284610,27000,7000", "2009,China,Japan,284690,60000,4000"]
    rows += [
        "2009,China,Chile,284690,20000,1500",
        "2009,Chile,Japan,284690,900,80",
        "2008,China,Japan,284690,1,1",
    ]
    (source / "baci.csv").write_text("\n".join(rows) + "\n")
    concordance = {
        "regions": {name: [name] for name in raw.COUNTRIES},
        "sectors": {name: [code] for name, code in zip(SECTORS, raw.SECTORS, strict=True)},
        "parameter_names": {
            "regions": {"within": ELSEWHERE},
            "sectors": {"within": WITHIN},
        },
        "trade_names": {"CHN": ["China"], "JPN": ["Japan"]},
        "rest": "ROW",
    }
    (folder / f"{name}.concordance.yaml").write_text(yaml.safe_dump(concordance, sort_keys=False))
    top = {
        "name": name,
        "based_on": f"{name}.base.yaml",
        "title": "Three economies",
        "tables": f"{name}.tables",
        "concordance": f"{name}.concordance.yaml",
        "facts": [],
        "sources": {
            "world_table": {"reader": "wiod2013", "file": "wiod2013_2009.npz", "year": 2009},
            "rare_earth_trade": {"reader": "baci", "file": "baci.csv", "year": 2009},
        },
    }
    # The world is small, so its rare earths must be smaller than those of 2009.
    text = (FOLDER / "china-2009.yaml").read_text()
    (folder / f"{name}.base.yaml").write_text(text.replace("{CHN: 129000, IND", "{CHN: 29000, IND"))
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(top, sort_keys=False))
    return folder / f"{name}.yaml"

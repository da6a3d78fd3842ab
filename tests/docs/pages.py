"""The pages of the documentation: their fenced blocks, their commands, and what of these is not run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in path.parts),
]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
SHELL = "(?:sh|bash|shell|console)"

# Lines that are run in shorter words, and why: the same command on less.
FEWER = "as many draws as show that it works"
PLAIN = "the figures of another line of the same command are drawn"
NO_FIGURES = ("{} --no-figures", PLAIN)
SHORT_SWEEP = ("python run.py sweep elasticities-2010 --draws 20 --workers 1 --no-figures", FEWER)
INSTEAD = {
    "python run.py": ("make run", "which is this line"),
    "python run.py solve china-2010-quota --set instruments.quota-2010.limit=25000": NO_FIGURES,
    "python run.py solve china-2010-quota --set parameters.ree_elasticity.magnets=0.1": NO_FIGURES,
    "python run.py solve my-quota.yaml": ("{} --no-figures --no-security --no-decomposition", PLAIN),
    "python run.py solve full-embargo": ("{} --no-figures --no-security", PLAIN),
    "python run.py solve china-2010-quota --calibration my.yaml": NO_FIGURES,
    "python run.py compare china-2010-quota my-quota.yaml": (
        "{} --no-figures --no-security --no-decomposition",
        "the default comparison does all of it",
    ),
    "python run.py metrics": ("{} --draws 10", FEWER),
    "make format": (
        "make --dry-run format",
        "`make lint`, with which `make test` begins, runs the same programs",
    ),
    "python run.py path china-2010-2015": (
        "{} --regime directed --no-companion --workers 1 --no-figures",
        "one of six paths",
    ),
    "python run.py sweep elasticities-2010 --draws 200": SHORT_SWEEP,
    "python run.py sweep elasticities-2010 --draws 2000": SHORT_SWEEP,
    "python run.py sweep elasticities-2010 --draws 2000 --workers 4": SHORT_SWEEP,
    "python run.py sweep elasticities-2010 --draws 2000 --resume": (
        "python run.py sweep elasticities-2010 --draws 20 --workers 1 --no-figures --resume",
        FEWER,
    ),
    "python run.py sweep path-2010-2015": ("{} --draws 2 --workers 1 --no-figures", FEWER),
    "python run.py sweep my-sweep.yaml --workers 4": ("{} --draws 16 --no-figures", FEWER),
    "python run.py sweep my-sweep.yaml --resume": ("{} --draws 16 --no-figures", FEWER),
    "python run.py metrics world-2024 --scenario full-embargo-2025": ("{} --draws 4 --no-figures", PLAIN),
    "python run.py metrics --scores my-scores.yaml --score my-scores --draws 500": (
        "python run.py metrics --scores my-scores.yaml --score my-scores --draws 4 --no-figures --no-solve "
        "--out outputs/scored",
        "solved in another line; apart from the metrics that a report names",
    ),
    "python run.py network --element Dy --target DEU:transport_equipment": (
        "{} --no-figures",
        "tests/outputs/test_metrics_network.py draws them",
    ),
    "python run.py network --remove CHN:magnets --remove JPN:magnets": NO_FIGURES,
    "python run.py comovement military-development": (
        "python run.py comovement rare-earth-imports-annual",
        "a shipped study with shorter series",
    ),
    "python run.py estimate exposure": ("{} --draws 99", FEWER),
    "python run.py patents audit score": (
        "python -m tests.docs.label outputs/runs/evidence/patents/sample.csv && {}",
        "somebody must have filled in the labels",
    ),
}

# Servers: started, asked for their page, and stopped.
SERVED = ("python run.py explore",)

# Lines that a test of their own runs, with another port: `test_a_sweep_on_dask`.
ON_DASK = (
    "PYTHONPATH=. dask scheduler --port 8786",
    "OPENBLAS_NUM_THREADS=1 PYTHONPATH=. dask worker tcp://SCHEDULER:8786 --nworkers 8 --nthreads 1",
    "python run.py sweep elasticities-2010 --dask tcp://SCHEDULER:8786",
)

# Lines that no test runs, and why.
INSTALLS = "installs packages from the network; every run of CI begins with the same by make"
RAW = "needs raw WIOD tables, which are not shipped; tests/calibration runs it where RARE_EARTH_SOURCE_DIR names them"
NOT_RUN = {
    "python3 -m venv .venv": INSTALLS,
    "python -m pip install --require-hashes -r requirements.lock": INSTALLS,
    "sudo apt-get install chromium": "installs a program from the network, as root",
    "make test": "runs these tests",
    "make test-slow": "runs for minutes",
    "python run.py calibrate china-2009 --source DIR --verify": RAW,
    "python run.py calibrate china-2009-full --source DIR": RAW,
    "python run.py calibrate china-2009 --source DIR --us-detail 2012": RAW,
    "python run.py patents classify --map patentsview --data DIR": "needs gigabytes of PatentsView; "
    "tests/evidence/patents runs it on tables of the same columns",
}


def fenced(text: str, language: str) -> list[str]:
    """Contents of the fenced blocks of one language, indented ones in lists too."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def without_code(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)


def lines(path: Path) -> list[str]:
    """Commands of a page's shell blocks in order, comments left out and continued lines joined."""
    text = "\n".join(fenced(path.read_text(encoding="utf-8"), SHELL)).replace("\\\n", " ")
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [re.sub(r"\s+", " ", line) for line in bare if line]


def other_blocks(text: str) -> str:
    """What is set as code but is no shell block: other fences, and paragraphs indented by four."""
    fences = re.findall(r"^ *```(\S*)\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"\n\n((?: {4}[^\n]*\n)+)", without_code(text))
    return "\n".join([body for language, body in fences if not re.fullmatch(SHELL, language)] + indented)


def files(text: str) -> dict[str, str]:
    """YAML of a page that its commands read, by file name: blocks that begin with `name: my-...`."""
    blocks = (block for block in fenced(text, "yaml") if block.startswith("name: my-"))
    return {block.split()[1] + ".yaml": block for block in blocks}

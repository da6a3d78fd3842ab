"""Fuzzing: every file format read, in forms that nobody meant; each is read or refused with a message.

    python -m tests.fuzzing --count 100000 --seed 1      over all formats
    python -m tests.fuzzing scenario report              these formats
    python -m tests.fuzzing --count 5000 --record        and add the counts to `tests/records/fuzzing.json`

By grammar: a good file is read as a tree, and values in it are replaced, removed, renamed, repeated and moved. By
bytes: pieces of it are overwritten, cut out, doubled and spliced with text that readers trip over. What reads a file
must succeed or raise InputError with a message; anything else, more than SECONDS or more than MEMORY is a fault of
ours, told with what brings it about. Memory is limited where the system can (POSIX).
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from calibration import strict_yaml
from calibration.errors import InputError
from tests import records

ROOT = Path(__file__).parents[1]
SECONDS = 10.0  # of a processor for one input
MEMORY = 3_000_000_000  # bytes of addresses beyond what the process has at the start

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1e308, -1e308, 1e-320, 5e-324, 1e16, -0.0, 0.5, 99, 2010, 1800, 10**17, "", " ",
    "NO", "yes", "nan", ".inf", "1e-6", "010", "12:30", "2010-07-01", "2010-2015", "China", "CHN", "all", "all_but",
    "../../../etc/passwd", "/etc/passwd", "C:\\x", "..", ".", "~", "a/b", "-rf", "NUL", "x" * 5000, "<script>alert(1)",
    "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "@SUM(1)", "+1", "${x}", "{{ 7*7 }}", "{% raw %}", "%s%n",
    "été", "Δ" * 40, "a\u0301", "日本", "\U0001f4a3", "x\ty", "a: b", "- a", "#", "&a", "*a", "!t",
    [], {}, [[]], [None], {"": ""}, {"a": None}, [1, 2], ["CHN", "CHN"], {"all_but": []}, {"all_but": "CHN"},
    {"value": 1}, {"value": -1, "unit": "t"}, {"value": 1e300, "unit": "USD/kg"}, [[[[[[[[]]]]]]]],
    {"a": {"a": {"a": {}}}},
)  # fmt: skip
TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\n---\n", b"\t", b"'", b'"', b"[", b"]", b"{", b"}", b": ",
    b"- ", b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system [x]", b"|", b">", b"? ", b"#", b"%", b"@", b"`",
    b"1e999", b".nan", b"-", b",", b",,,,", b"\xe2\x80\xae", b"\xed\xa0\x80", b"0x10", b"9" * 400, b"[" * 500,
    b"{a: " * 60,
    b"=1+1", b"</script>", b"\x1f\x8b", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n",
)  # fmt: skip


class Format(NamedTuple):
    """Good files of a format, and what reads one."""

    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]
    tree: str = ""  # yaml or json: may be changed by grammar
    weight: float = 1.0  # of the inputs, by how fast they are read


# ------------------------------------------------------------------ inputs


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a tree."""
    yield path
    for key, value in (
        tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    ):
        yield from places(value, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def changed(tree: Any, chance: random.Random) -> Any:
    """A tree with one to three changes."""
    tree = copy.deepcopy(tree)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        found = list(places(tree))
        path = chance.choice(found)
        if not path:
            if chance.random() < 0.05:
                return chance.choice(HOSTILE)
            continue
        above, key = at(tree, path[:-1]), path[-1]
        match chance.randrange(7):
            case 0 | 1 | 2:
                above[key] = copy.deepcopy(chance.choice(HOSTILE))
            case 3:
                del above[key]
            case 4 if isinstance(above, dict):
                above[str(chance.choice(HOSTILE))[:200]] = above.pop(key)
            case 4 | 5 if isinstance(above, list):
                above.insert(chance.randrange(len(above) + 1), copy.deepcopy(above[key]))
            case _:
                above[key] = (
                    copy.deepcopy(at(tree, chance.choice(found[:400]))) if len(str(tree)) < 10**6 else 0
                )
    return tree


def spoilt(content: bytes, chance: random.Random) -> bytes:
    """Bytes with a few pieces overwritten, cut out, doubled or spliced in."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        start = chance.randrange(len(made) + 1)
        stop = min(len(made), start + chance.choice((0, 1, 1, 4, 40)))
        match chance.randrange(6):
            case 0:
                made[start:stop] = chance.randbytes(stop - start)
            case 1:
                del made[start:stop]
            case 2:
                made[start:start] = made[start:stop] * chance.choice((1, 2, 50))
            case 3:
                made[start:stop] = chance.choice(TOKENS)
            case 4 if chance.random() < 0.2:
                del made[start:]
            case _:
                if start < len(made):
                    made[start] ^= 1 << chance.randrange(8)
    return bytes(made)


@cache
def parsed(seed: bytes, tree: str) -> Any:
    return strict_yaml.loads(seed).data if tree == "yaml" else json.loads(seed)


def given(form: Format, chance: random.Random) -> bytes:
    """One input."""
    seed = chance.choice(form.seeds)
    if not form.tree or chance.random() < 0.3:
        return spoilt(seed, chance)
    try:
        new = changed(parsed(seed, form.tree), chance)
        dump = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        text = (
            yaml.dump(new, Dumper=dump, sort_keys=False, allow_unicode=True)
            if form.tree == "yaml"
            else json.dumps(new)
        )
    except RecursionError:  # a branch was put below itself
        return spoilt(seed, chance)
    return text.encode("utf-8", "surrogatepass")


# ------------------------------------------------------------------ formats


def formats(folder: Path) -> dict[str, Format]:
    """Every format, with a folder to put files in."""
    return {**_settings(folder), **_tables(folder), **_results(folder)}


def _put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _settings(folder: Path) -> dict[str, Format]:
    import calibration
    import scenarios
    from calibration.evidence.comovement.study import read_study
    from calibration.evidence.patents import candidates, endpoint, panel, readers
    from calibration.load import read_settings
    from outputs import settings
    from outputs.explorer import question, state
    from scenarios import sweeps

    base = calibration.load("china-2009")
    near = folder / "calibration"  # so that what the files name beside them is there
    near.mkdir()
    for name in ("china-2009.yaml", "china-2009-small.yaml", "concordances", "data"):
        (near / name).symlink_to(ROOT / "calibration" / name)
    studies = ROOT / "calibration" / "evidence" / "comovement" / "studies"
    beside = folder / "evidence" / "comovement" / "studies"
    beside.mkdir(parents=True)
    (folder / "data").symlink_to(ROOT / "calibration" / "data")

    def scenario(content: bytes) -> object:
        found = scenarios.load(_put(folder, "scenario.yaml", content), base)
        return found.shock(base, found.span[0])

    def calibrated(content: bytes) -> object:
        path = _put(near, "mine.yaml", content)
        read_settings(path)
        return calibration.load(path) if len(content) % 50 == 0 else None

    def explored(content: bytes) -> object:
        return question.text(state.read(content), base)

    def setting(content: bytes) -> object:
        change = settings.parse(content.decode("utf-8", "surrogateescape"))
        edit = settings.editor([change], {})
        return scenarios.load("china-2010-quota", base, edit)

    def yamls(*patterns: str) -> tuple[bytes, ...]:
        return tuple(path.read_bytes() for pattern in patterns for path in sorted(ROOT.glob(pattern)))

    patents = "calibration/evidence/patents"
    states = (
        b'{"scenario": "china-2010-quota", "regime": "directed", "horizon": "short", "cut": 40, "substitution": 0.5}',
        b'{"capacity": 2, "military": 2, "research": 0.5, "years": 3, "horizon": "path", "region": "USA"}',
    )
    paths = tuple(
        text.encode()
        for text in (
            "parameters.breadth=0", "instruments.quota-2010.limit=25000", "horizon=short", "regimes=[directed]",
            "parameters.ree_elasticity.magnets=0.1", 'instruments.quota-2010.elements=["Dy", "Nd"]', "year=2010",
        )
    )  # fmt: skip
    read = _put
    return {
        "calibration YAML": Format(
            yamls("calibration/china-2009-small.yaml", "calibration/china-2009.yaml"), calibrated, "yaml", 0.05
        ),
        "scenario YAML": Format(yamls("scenarios/*.yaml", "scenarios/examples/*.yaml"), scenario, "yaml", 0.3),
        "sweep YAML": Format(
            yamls("scenarios/sweeps/designs/*.yaml"), lambda c: sweeps.load(read(folder, "sweep.yaml", c)), "yaml", 0.05
        ),
        "study YAML": Format(
            tuple(path.read_bytes() for path in sorted(studies.glob("*.yaml"))),
            lambda c: read_study(read(beside, "study.yaml", c)), "yaml", 0.05,
        ),
        "column map": Format(
            yamls(f"{patents}/sources/*.yaml"), lambda c: readers.read_source(read(folder, "map.yaml", c)), "yaml"
        ),
        "choice of patents": Format(
            yamls(f"{patents}/candidates.yaml"),
            lambda c: candidates.read_selection(read(folder, "c.yaml", c)), "yaml", 0.5,
        ),
        "CPC concordance": Format(
            yamls(f"{patents}/concordance.yaml"),
            lambda c: panel.read_concordance(read(folder, "p.yaml", c)), "yaml", 0.5,
        ),
        "endpoint YAML": Format(
            (b"base_url: https://example.org/v1\nmodel: m\napi_key_env: KEY\ntemperature: 0.1\nmax_cost_usd: 5\n"
             b"usd_per_million_output_tokens: 1\n",),
            lambda c: endpoint.read_endpoint(read(folder, "e.yaml", c)), "yaml",
        ),
        "answer of a language model": Format(
            (b'{"category": "substitutes", "elements": ["Nd"], "application": "magnets_NdFeB", "confidence": 0.9, '
             b'"sentence": "less of it"}',),
            lambda c: _answer(endpoint, c), "json",
        ),
        "explorer state": Format(states, explored, "json", 1.0),
        "--set": Format(paths, setting, "", 0.5),
    }  # fmt: skip


def _answer(endpoint: Any, content: bytes) -> object:
    """An answer that cannot be used is told by the reader's own exception, which is caught where it is called."""
    with suppress(endpoint.MalformedAnswer):
        return endpoint.read_answer(content.decode("utf-8", "replace"), "stop", "less of it")


def _tables(folder: Path) -> dict[str, Format]:
    from calibration.evidence.comovement.data import read_series
    from calibration.evidence.patents import readers
    from calibration.tables import Column, format_csv, read_csv
    from outputs.evidence.patents_files import read_verdicts

    plain = readers.read_source("plain")
    columns = [
        Column("region"),
        Column("year", "integer", minimum=0),
        Column("output", "number", "million USD"),
    ]

    def table(name: str) -> Callable[[bytes], object]:
        def read(content: bytes) -> object:
            t = read_csv(_put(folder, name, content), columns, key=("region", "year"))
            again = format_csv({column.header: t[column.name] for column in columns})
            assert all(line.count("\n") == 0 for line in again.split("\n"))
            return again

        return read

    def patents(name: str) -> Callable[[bytes], object]:
        place = folder / f"patents-{name}"
        place.mkdir()
        return lambda content: readers.load_patents(plain, _put(place, f"patents.{name}", content))

    good = b"# source: x\nregion,year,output [million USD]\nCHN,2009,1.5\nUSA,2009,2e3\nJPN,2010,0.25\n"
    shipped = (ROOT / "calibration/data/evidence/patent_examples.csv").read_bytes()
    rows = shipped.split(b"\n")
    small = b"\n".join(rows[:12]) + b"\n"
    series = b"year,price [USD/kg],exports [t]\n" + b"".join(
        b"%d,%d.5,%d\n" % (y, y - 1990, y) for y in range(2000, 2012)
    )
    json_lines = b"".join(
        json.dumps(
            {
                "id": f"p{n}",
                "title": "Magnet",
                "abstract": "x",
                "year": 2000 + n,
                "cpc": ["H01F 1/057"],
                "inventor_country": "US",
            }
        ).encode()
        + b"\n"
        for n in range(5)
    )
    verdicts = (
        b"id,status,category,elements,application,confidence,sentence,classifier,reason,year,cpc,inventor_country,title,abstract\n"
        b"p1,classified,substitutes,Nd;Dy,magnets_NdFeB,0.9,a,offline,,2001,H01F 1/057,US,t,a\n"
        b"p2,unclassified,,,,0,,offline,why,2002,H01F,JP,t,a\n"
    )
    return {
        "CSV": Format((good,), table("t.csv"), "", 2.0),
        "CSV, gzip": Format((gzip.compress(good, mtime=0),), table("t.csv.gz")),
        "time series CSV": Format((series,), lambda c: read_series(_put(folder, "s.csv", c), "annual")),
        "verdicts CSV": Format((verdicts,), lambda c: read_verdicts(_put(folder, "verdicts.csv", c))),
        "patents CSV": Format((small,), patents("csv")),
        "patents TSV": Format((small.replace(b",", b"\t"),), patents("tsv"), "", 0.5),
        "patents JSON lines": Format((json_lines,), patents("jsonl"), "", 0.5),
        "patents CSV, gzip": Format((gzip.compress(small, mtime=0),), patents("csv.gz"), "", 0.5),
        "patents CSV, zip": Format((_zip(small),), patents("csv.zip"), "", 0.5),
        "patents Parquet": Format(_parquet(), patents("parquet"), "", 0.3),
    }  # fmt: skip


def _zip(content: bytes) -> bytes:
    import io
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("patents.csv", content)
    return stream.getvalue()


def _parquet() -> tuple[bytes, ...]:
    import io

    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return (b"PAR1",)
    stream = io.BytesIO()
    table = pyarrow.table(
        {
            "id": ["p1", "p2"],
            "title": ["a", "b"],
            "abstract": ["", "c"],
            "year": [2001, 2002],
            "cpc": ["H01F", ""],
            "inventor_country": ["US", "JP"],
        }
    )
    pyarrow.parquet.write_table(table, stream)
    return (stream.getvalue(),)


def _results(folder: Path) -> dict[str, Format]:
    import run
    from outputs import report, sections, store
    from scenarios.sweeps import storage

    made = folder / "runs"
    words = ["solve", "china-2010-quota", "--calibration", "china-2009-small", "--regime", "exogenous"]
    with _silent():
        run.main([*words, "--no-figures", "--no-security", "--no-decomposition", "--out", str(made)])
    (whole,) = made.iterdir()
    content = {path.name: path.read_bytes() for path in whole.iterdir() if path.is_file()}
    spare = folder / "spare"
    shutil.copytree(whole, spare)

    def shown(name: str) -> Callable[[bytes], object]:
        """Reads a run with one file changed, and signed anew, as by somebody who means harm."""

        def read(changed: bytes) -> object:
            for one, old in content.items():
                (spare / one).write_bytes(changed if one == name else old)
            if name == store.RESULTS:
                signed = json.loads(content[store.PROVENANCE]) | {"files": store.file_hashes(spare)}
                (spare / store.PROVENANCE).write_text(json.dumps(signed))
            text = report.build.html([report.from_folder(spare)])
            assert "<script>alert(1)" not in text
            assert "<img src=x" not in text
            return text

        return read

    def chunk(changed: bytes) -> object:
        place = storage.Store(folder / "sweep", 4, 2, 4)
        place.path(0).parent.mkdir(parents=True, exist_ok=True)
        place.path(0).write_bytes(changed)
        return place.read(0)

    def manifest(changed: bytes) -> object:
        place = folder / "sweep"
        place.mkdir(exist_ok=True)
        (place / storage.MANIFEST).write_bytes(changed)
        return storage.manifest(place)

    def section(changed: bytes) -> object:
        place = folder / "section"
        place.mkdir(exist_ok=True)
        (place / sections.SECTION).write_bytes(changed)
        html = str(sections.read(place, "part1").html).lower()
        assert "<script" not in html
        assert " onerror=" not in html.replace("&", "")
        return html

    good = (
        b'<section id="a"><h2>Title</h2><p class="x">Text &lt;b&gt;</p>'
        b'<table><tr><td colspan="2">1</td></tr></table></section>'
    )
    return {
        "results.nc": Format((content[store.RESULTS],), shown(store.RESULTS), "", 0.01),
        "results.nc, contents": Format(
            (b"",), _hostile_netcdf(content[store.RESULTS], shown(store.RESULTS)), "", 0.15
        ),
        "inputs.json": Format((content[store.INPUTS],), shown(store.INPUTS), "json", 0.005),
        "provenance.json": Format((content[store.PROVENANCE],), shown(store.PROVENANCE), "json", 0.005),
        "parameters.csv": Format((content["parameters.csv"],), shown("parameters.csv"), "", 0.005),
        "section.html": Format((good,), section),
        "sweep.json": Format(
            (b'{"identity": "ab", "draws": 6, "chunk": 2, "determined_by": {"a": {"b": 1}}}',),
            manifest,
            "json",
        ),
        "sweep part (npz)": Format((_npz(),), chunk),
    }


def _npz() -> bytes:
    import io

    import numpy as np

    stream = io.BytesIO()
    np.savez(stream, values=np.ones((4, 2)), reasons=np.array(["", "", "", ""]))
    return stream.getvalue()


def _hostile_netcdf(good: bytes, read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Takes random bytes as a seed: a result whose variables, axes and attributes are not what they should be."""

    def hostile(seed: bytes) -> object:
        import io

        import h5py
        import numpy as np

        chance = random.Random(seed + chance_of_all.randbytes(8))
        stream = io.BytesIO(good)
        with h5py.File(stream, "r+") as file:
            for _ in range(chance.choice((1, 1, 2, 3))):
                name = chance.choice(sorted(file))
                value = chance.choice(HOSTILE)
                text = json.dumps(value) if chance.random() < 0.5 else str(value)
                match chance.randrange(7):
                    case 0:
                        file.attrs[chance.choice(sorted(file.attrs))] = text.encode(
                            "utf-8", "replace"
                        ).decode()
                    case 1:
                        file[name].attrs[chance.choice(["units", "long_name", "cut", "description"])] = text
                    case 2:
                        with suppress(KeyError, RuntimeError):
                            del file[name]
                    case 3:
                        with suppress(KeyError):
                            del file.attrs[chance.choice(sorted(file.attrs))]
                    case 4 if file[name].dtype.kind == "f" and file[name].size:
                        file[name][...] = chance.choice((np.nan, np.inf, -np.inf, 0.0, -1e300, 1e300))
                    case 5 if file[name].dtype.kind == "O" and file[name].size:
                        file[name][...] = np.full(file[name].shape, text, dtype=object)
                    case _:
                        other = chance.choice(sorted(file))
                        with suppress(ValueError, KeyError, RuntimeError, OSError):
                            file.move(name, name + "x")
                            file.move(other, name)
        return read(stream.getvalue())

    return hostile


chance_of_all = random.Random(0)

# ------------------------------------------------------------------ running


@contextmanager
def _silent() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):  # noqa: PTH123
        yield


class TooLong(BaseException):
    """More than SECONDS for one input."""


def _limit_memory() -> None:
    try:
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    except (ImportError, OSError, ValueError):
        pass


def attempt(form: Format, content: bytes) -> str:
    """What came of an input: read, refused, or the traceback of a fault."""

    def too_long(*_: object) -> None:
        raise TooLong

    handler = signal.signal(signal.SIGVTALRM, too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            form.read(content)
        return "read"
    except InputError as error:
        text = str(error)
        return "refused" if text.strip() and len(text) < 200_000 else f"a message of {len(text)} characters"
    except (TooLong, MemoryError) as error:
        return f"{type(error).__name__}\n{traceback.format_exc()}"
    except BaseException:  # noqa: BLE001  whatever escapes is what we look for
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, handler)


def fuzz(
    names: list[str], known: dict[str, Format], count: int, seed: int
) -> tuple[Counter, dict[str, tuple[str, bytes]]]:
    """(format, outcome) -> how often; and the faults: where -> format and input, the first of each."""
    chance = random.Random(seed)
    chance_of_all.seed(seed)
    weights = [known[name].weight for name in names]
    found: Counter = Counter()
    faults: dict[str, tuple[str, bytes]] = {}
    for _ in range(count):
        (name,) = chance.choices(names, weights)
        content = given(known[name], chance)
        outcome = attempt(known[name], content)
        if outcome in ("read", "refused"):
            found[name, outcome] += 1
            continue
        found[name, "fault"] += 1
        lines = [line for line in outcome.splitlines() if line.strip()]
        ours = [
            line.strip()
            for line in lines
            if line.strip().startswith("File") and "/tests/" not in line and str(ROOT) in line
        ]
        faults.setdefault(
            f"{lines[-1][:150]} | {ours[-1] if ours else ''}",
            (name, content + b"\n" + outcome[-3000:].encode()),
        )
    return found, faults


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*", help="formats by name or start of it (default: all)")
    parser.add_argument("--count", type=int, default=2000, help="inputs over all formats (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true", help="add the counts to the record")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that show a fault")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as place:
        known = formats(Path(place))
        names = [name for name in known if not options.formats or name.startswith(tuple(options.formats))]
        for name in names:
            form = known[name]
            if form.seeds == (b"",):  # makes its own inputs from the bytes it gets
                continue
            known[name] = form._replace(seeds=tuple(s for s in form.seeds if attempt(form, s) == "read"))
            if not known[name].seeds:
                print(f"{name}: no good file is read: {attempt(form, form.seeds[0])}", file=sys.stderr)
                return 2
        _limit_memory()
        begun = time.process_time()
        found, faults = fuzz(names, known, options.count, options.seed)
        spent = time.process_time() - begun
    for name in names:
        counts = [found[name, outcome] for outcome in ("read", "refused", "fault")]
        print(
            f"{name:28} {sum(counts):7} inputs: {counts[0]:7} read {counts[1]:7} refused {counts[2]:5} faults"
        )
    print(f"{sum(found.values())} inputs, {sum(found[n, 'fault'] for n in names)} faults, {spent:.0f} s")
    for number, (where, (name, content)) in enumerate(sorted(faults.items())):
        print(f"\n{name}: {where}")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{number:03}-{name.replace('/', '-')}").write_bytes(content)
    if options.record:
        record = records.read("fuzzing")
        for (name, outcome), count in found.items():
            here = record.setdefault(name, {})
            here[outcome] = here.get(outcome, 0) + count
        records.write("fuzzing", record)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

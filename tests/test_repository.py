"""What the repository promises about itself: equations, imports, locks, commands, and nothing that must not be here."""

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import run

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock")
PACKAGES = ("model", "calibration", "scenarios", "outputs")
MODEL_FILES = sorted((ROOT / "model").rglob("*.py"))


def tracked_files():
    """Files that git tracks; in a copy without git, nothing can be said."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def read(path):
    """Text of a file, or nothing for one that is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


# Equations


def equation_numbers(text):
    """Numbers cited in a text: `E4`, and all of `E1-E7`."""
    found = set()
    for first, last in re.findall(r"\bE(\d{1,2})\b(?:\s*(?:-|–|to)\s*E(\d{1,2})\b)?", text):
        found |= set(range(int(first), int(last or first) + 1))
    return found


def docstrings(path, kinds):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return {
        f"{path.name}: {getattr(node, 'name', 'module')}": ast.get_docstring(node) or "" for node in nodes
    }


FUNCTIONS = (ast.FunctionDef, ast.ClassDef)


@pytest.fixture(scope="module")
def documented_equations():
    page = ROOT / "docs" / "model.md"
    if not page.exists():
        pytest.skip("docs/model.md is not there yet")
    # Where an equation is defined, its number opens a heading, a paragraph, a list item or a table row.
    starts = re.findall(
        r"^\s*(?:#+|[-*|])?\s*\**`?(E\d{1,2}\b.*)$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {int(re.match(r"E(\d+)", start)[1]) for start in starts}


def test_every_equation_has_its_place_in_the_documentation(documented_equations):
    assert documented_equations == set(range(1, 24))


def test_every_equation_of_the_documentation_is_some_function_of_the_model(documented_equations):
    cited = set()
    for path in MODEL_FILES:
        for text in docstrings(path, FUNCTIONS).values():
            cited |= equation_numbers(text)
    assert documented_equations - cited == set()


def test_every_equation_cited_in_the_model_is_documented(documented_equations):
    unknown = {
        place: numbers - documented_equations
        for path in MODEL_FILES
        for place, text in docstrings(path, (*FUNCTIONS, ast.Module)).items()
        if (numbers := equation_numbers(text)) - documented_equations
    }
    assert unknown == {}


def test_numbers_are_read_from_text():
    assert equation_numbers("E2: a, and E5-E7; not 1E5, E100 or PE3") == {2, 5, 6, 7}


# Imports and what model/ may do

PURE = {"numpy", "scipy", "networkx", "model"}
PURE |= {
    "__future__",
    "abc",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "enum",
    "functools",
    "itertools",
    "math",
}
PURE |= {"heapq", "operator", "types", "typing", "warnings", "weakref"}
PURE |= {"concurrent", "os"}  # batches: the one interface of parallel work, and which process this is


def imported(path):
    """Top-level names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "model").split(".")[0] if not node.level else "model"


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.name)
def test_the_model_is_arrays_in_arrays_out(path):
    assert set(imported(path)) <= PURE
    calls = [
        n.func.id
        for n in ast.walk(ast.parse(read(path)))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    ]
    assert not {"print", "open", "input", "eval", "exec"} & set(calls)


def test_nothing_imports_the_command_line_or_the_tests():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert not {"run", "tests", "benchmarks"} & set(imported(path)), path


# Locks


def requirements(lock):
    """Name -> set of locked versions, and the blocks of the file, one for each requirement."""
    text = (ROOT / lock).read_text()
    blocks = [block for block in re.split(r"\n(?=[a-zA-Z])", text) if re.match(r"[a-zA-Z]", block)]
    versions = {}
    for block in blocks:
        name, version = re.match(r"([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;\\]+)", block).groups()
        versions.setdefault(canonical(name), set()).add(version)
    return versions, blocks


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def named(dependencies):
    """Names of requirements as pyproject.toml writes them, the project's own extras left out."""
    names = {canonical(re.match(r"[A-Za-z0-9._-]+", item)[0]) for item in dependencies}
    return names - {canonical(PROJECT["project"]["name"])}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock):
    _, blocks = requirements(lock)
    assert len(blocks) > 20
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_path(lock):
    text = (ROOT / lock).read_text()
    assert not re.search(r"index-url|find-links|://|file:|\s@\s|^-e|trusted-host", text, re.MULTILINE)
    assert "make lock" in text


def test_the_locks_hold_what_the_project_asks_for():
    running, _ = requirements(LOCKS[0])
    everything, _ = requirements(LOCKS[1])
    assert named(PROJECT["project"]["dependencies"]) <= set(running)
    for extra, dependencies in PROJECT["project"]["optional-dependencies"].items():
        assert named(dependencies) <= set(everything), f"{extra}: `make lock` is due"


def test_both_locks_agree():
    running, _ = requirements(LOCKS[0])
    everything, _ = requirements(LOCKS[1])
    assert {name: everything.get(name) for name in running} == running


# Files


def test_no_registry_and_no_path_of_a_machine_is_named():
    # Written in two parts so that this file does not hold what it looks for.
    hosts = [
        "pypi" + r"\.org",
        "python" + "hosted",
        "deb" + r"\.debian\.org",
        "registry" + r"\.npmjs",
        "conda" + r"\.anaconda",
    ]
    folders = r"(?<![\w.}])/(?:work|root|tmp|home|Users)/" + r"\w"
    sibling = r"\.\./" + "shared"
    pattern = re.compile("|".join([*hosts, folders, sibling]))
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in tracked_files()
        if (hit := pattern.search(read(path)))
    ]
    assert found == []


def test_no_tracked_file_is_large():
    assert [path.name for path in tracked_files() if path.stat().st_size > 2_000_000] == []


def test_nothing_made_is_tracked():
    tracked = [path.relative_to(ROOT).as_posix() for path in tracked_files()]
    assert [
        name for name in tracked if re.search(r"(^|/)(\.venv|__pycache__|\.hypothesis)/|^outputs/runs/", name)
    ] == []


# Commands


def documents():
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_make_command_in_the_documentation_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in documents():
        # In a code block or between backticks, where `make` is the command and not the verb.
        named_targets = set(re.findall(r"(?:^\s*(?:\$ )?|`)make ([a-z-]+)", read(path), re.MULTILINE))
        assert named_targets <= targets, path.name


def test_every_run_command_in_the_documentation_exists():
    for path in documents():
        commands = set(re.findall(r"python run\.py ([a-z]+)", read(path)))
        assert commands <= set(run.COMMANDS), path.name


def test_the_two_commands_of_the_readme():
    readme = read(ROOT / "README.md")
    assert "make run" in readme
    assert "make test" in readme


def test_continuous_integration_runs_the_test_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^exec make (--no-print-directory )?test$", script.read_text(), re.MULTILINE)


def test_the_version_is_the_same_everywhere():
    version = PROJECT["project"]["version"]
    assert f"\nversion: {version}\n" in read(ROOT / "CITATION.cff")
    assert re.search(r"^## (?:\[)?(\d[\w.]*)", read(ROOT / "CHANGELOG.md"), re.MULTILINE)[1] == version

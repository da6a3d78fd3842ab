"""Documentation that stays true: links lead somewhere, commands are real, notebooks print what they show."""

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import run
from docs import equations, readme
from docs.notebooks.running import NOTEBOOKS, executed

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in path.parts),
]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]


def fenced(text, language):
    """Contents of the fenced blocks of one language, indented ones in lists too."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def without_code(text):
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)


# Links


def anchors(path):
    """Anchors of a page's headings, as GitHub and MyST make them; the page of equations has its own."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", one.lower().replace("`", "")).replace(" ", "-") for one in headings}
    return made | ({f"e{n}" for n in equations.texts()} if path.name == "equations.md" else set())


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_inside_the_repository_lead_somewhere(path):
    text = re.sub(r"`[^`\n]*`", "", without_code(path.read_text(encoding="utf-8")))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


# Commands

# Run on every test: what is quick. The other lines are read by the parser of their command, and those in SLOWLY are run
# by `make test-slow`; my-quota.yaml is the scenario of the tutorial.
QUICKLY = ("run.py --help", "run.py check my-quota.yaml", "run.py check china-2009 --soft")
SLOWLY = (
    "run.py check china-2010-quota",
    "run.py check china-2009-small",
    "run.py calibrate --sources",
    "run.py solve china-2010-quota --set instruments.quota-2010.limit=25000",
    "run.py solve china-2010-quota --set parameters.ree_elasticity.magnets=0.1",
    "run.py solve my-quota.yaml",
    "run.py compare china-2010-quota my-quota.yaml",
    "run.py patents classify",
)


def commands(path):
    """Lines of the shell blocks that call run.py, as words after it."""
    lines = "\n".join(fenced(path.read_text(encoding="utf-8"), "(?:sh|bash|shell)")).replace("\\\n", " ")
    for line in lines.splitlines():
        words = shlex.split(line, comments=True)
        at = next((n for n, word in enumerate(words) if word.endswith("run.py")), None)
        if at is not None:
            cut = next((n for n, word in enumerate(words) if n > at and word in ("|", ">", "&&")), None)
            yield words[at + 1 : cut]


def every_command():
    return sorted({("run.py", *words) for path in PAGES for words in commands(path)})


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_every_command_of_the_pages_is_read_by_its_parser(command):
    if len(command) == 1 or command[1].startswith("-"):
        return
    if not (run.FOLDER / f"{command[1]}.py").is_file():
        assert command[1] in run.COMMANDS
        pytest.skip(f"run.py {command[1]} is not there yet")
    parser = argparse.ArgumentParser()
    importlib.import_module(f"outputs.commands.{command[1]}").add_parser(parser.add_subparsers())
    numbers = [re.sub(r"^(N|W)$", "2", word) for word in command[1:]]
    if "--help" in numbers:
        return
    parser.parse_args(numbers)  # ends the program, and so fails the test, when it does not know a word


def runs(line, folder):
    """Run a line in the root, with the tutorial's scenario at hand and results in a folder of their own."""
    (tutorial,) = [
        b for b in fenced((ROOT / "docs/start/tutorial.md").read_text(), "yaml") if "my-quota" in b
    ]
    (folder / "my-quota.yaml").write_text(tutorial, encoding="utf-8")
    words = [str(folder / "my-quota.yaml") if word == "my-quota.yaml" else word for word in shlex.split(line)]
    if words[1] in ("solve", "compare", "patents"):
        words += ["--out", str(folder / "runs")]
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("line", QUICKLY)
def test_quick_commands_work(line, tmp_path):
    done = runs(line, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("line", SLOWLY)
def test_slow_commands_work(line, tmp_path):
    done = runs(line, tmp_path)
    assert done.returncode == 0, done.stderr


def test_commands_that_are_run_stand_on_the_pages():
    assert {*QUICKLY, *SLOWLY} <= {" ".join(command) for command in every_command()}


# README, notebooks and equations


def test_the_readme_shows_what_a_solve_prints():
    def comparable(text):
        return re.sub(r"residual \S+", "residual", text)  # the last digits depend on the machine

    shown = readme.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    assert comparable(shown) == comparable(readme.printed()), "renew it: python -m docs.readme"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert executed(text, path.name) == text, "renew it: python -m docs.notebooks"


def test_a_notebook_that_fails_says_where():
    with pytest.raises(ZeroDivisionError) as error:
        executed("# A page\n\n```python\nx = 1\nx / 0\n```\n", "page.md")
    assert error.traceback[-1].lineno + 1 == 5


def test_every_equation_has_its_text_and_its_functions_on_the_page():
    page, said = equations.sections(), equations.texts()
    assert sorted(said) == list(range(1, 24))
    for number, text in said.items():
        section = page.partition(f"## E{number}\n")[2].partition("\n(equation-e")[0]
        assert text in section
        assert re.search(r":: model\.|`~model\.", section), number


def test_every_function_that_cites_an_equation_is_on_the_page():
    page = equations.sections()
    for one in equations.functions():
        assert f":: {one.name}\n" in page or f"`~{one.name}`" in page


def test_the_model_leads_to_the_code_of_each_equation():
    text = equations.MODEL.read_text(encoding="utf-8")
    assert all(f"**E{n}** ([code](equations.md#e{n}))" in text for n in range(1, 24))

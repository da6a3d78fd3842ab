"""Every command that stands on a page works: its shell blocks are run, line by line, in a copy of the project."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import re
import shlex
import socket
import urllib.request

import pytest

import run
from tests.docs.pages import INSTEAD, NAMES, NOT_RUN, ON_DASK, PAGES, ROOT, SERVED, lines, other_blocks
from tests.docs.workplace import Workplace

WITH_COMMANDS = [path for path in PAGES if set(lines(path)) - {*NOT_RUN, *ON_DASK}]
COMMAND = r"(?:python3? |run\.py |\.venv/bin/|make |uv |pip |dask |git |npm |apt-get |sudo )"


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "pages"
    shared.mkdir(exist_ok=True)
    return Workplace(shared)


def serve(workplace, line):
    """Start a server, read its page, and stop it."""
    with workplace.started(f"{line} --no-browser --quiet --port 0") as process:
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=30) as page:
            assert b"<title>" in page.read()


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_work(path, workplace):
    for line in lines(path):
        if line in SERVED:
            serve(workplace, line)
        elif line not in NOT_RUN and line not in ON_DASK:
            words = INSTEAD.get(line, ("{}",))[0].format(line)
            done = workplace.run(words)
            assert done.code == 0, f"{line}\n{done.err[-2000:]}"


def test_the_report_of_the_how_to_has_bands_around_the_path(workplace):
    (page,) = [path for path in PAGES if path.name == "report.md"]
    test_the_commands_of_a_page_work(page, workplace)
    text = (workplace.root / "report.html").read_text(encoding="utf-8")
    assert len(re.findall(r'alt="[^"]*nine tenths of draws', text)) == 3


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_a_sweep_on_dask(workplace):
    port = free_port()
    scheduler, worker, sweep = (
        line.replace("SCHEDULER:8786", f"127.0.0.1:{port}").replace("--port 8786", f"--port {port}")
        for line in ON_DASK
    )
    with (
        workplace.started(f"{scheduler} --host 127.0.0.1 --no-dashboard"),
        workplace.started(f"{worker.replace('--nworkers 8', '--nworkers 1')} --no-dashboard"),
    ):
        done = workplace.run(f"{sweep} --draws 20 --no-figures --out outputs/dask")
    assert done.code == 0, done.err
    assert "elasticities-2010" in done.out


# What is not run is on a list, and the list says why


def test_every_line_is_run_or_the_list_says_why_not():
    """By construction: what stands on no list is run. So the lists may hold nothing that is on no page."""
    known = {line for path in PAGES for line in lines(path)}
    listed = [*INSTEAD, *SERVED, *ON_DASK, *NOT_RUN]
    assert set(listed) <= known
    assert len(set(listed)) == len(listed)
    assert all(len(reason) > 10 for reason in NOT_RUN.values())
    recipe = (ROOT / "Makefile").read_text().partition("\nrun: ")[2].splitlines()[1]
    assert recipe == "\t@$(BIN)/python run.py"
    assert all(words.startswith("make") or line.split()[:3] == words.replace("{}", line).split(" && ")[-1].split()[:3]
               for line, (words, _) in INSTEAD.items())  # fmt: skip


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_commands_stand_in_shell_blocks(path):
    elsewhere = other_blocks(path.read_text(encoding="utf-8"))
    assert re.findall(rf"^\s*\$? ?{COMMAND}.*", elsewhere, re.MULTILINE) == []


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_a_command_is_written_in_one_way(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"(?<!python )(?<![\w/])run\.py +[a-z-]+", re.sub(r"`run\.py`", "", text)) == []
    assert ".venv/bin/python run.py" not in text


def spans():
    """Commands named in a sentence."""
    found = set()
    for path in PAGES:
        text = re.sub(
            r"^( *)```.*?^\1```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        found |= {re.sub(r"\s+", " ", one) for one in re.findall(r"`((?:python|make) [^`]+)`", text)}
    return sorted(found)


@pytest.mark.parametrize("span", spans())
def test_a_command_named_in_a_sentence_exists(span):
    program, what, *rest = shlex.split(span)
    if program == "make":
        assert re.search(rf"^{what}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif what == "-m":
        assert importlib.util.find_spec(rest[0])
    else:
        assert (ROOT / what).is_file()
        if what == "run.py" and len(rest) > 1:
            is_read(rest)


def is_read(words):
    """Give a command to its parser; letters that stand for a number are one."""
    assert words[0] in run.COMMANDS
    parser = argparse.ArgumentParser()
    importlib.import_module(f"outputs.commands.{words[0]}").add_parser(parser.add_subparsers())
    if "--help" not in words:
        parser.parse_args(
            [re.sub(r"^(N|W)$", "2", word) for word in words]
        )  # ends the program when it cannot


def examples():
    """Commands under "examples:" in the help of each command."""
    for name in run.COMMANDS:
        epilog = getattr(importlib.import_module(f"outputs.commands.{name}"), "EPILOG", "")
        yield from re.findall(r"^ +(python run\.py.*?)(?:  .*|\||>.*|)$", epilog, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(examples())))
def test_an_example_of_the_help_is_read_by_its_parser(line):
    words = shlex.split(line.split(" | ")[0])[2:]
    if words:
        is_read(words)

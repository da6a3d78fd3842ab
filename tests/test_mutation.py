"""The record of `tests.mutation`: what counts, what is drawn next, what is explained."""

from __future__ import annotations

import importlib.util
from collections import Counter

import pytest

from model import ces
from tests import mutation, records
from tests.mutants import count, digest, functions, mutants_of
from tests.mutation import added, choose, current, explained, files

TEXT = '''
def share(total, part):
    """What it is."""
    # A comment.
    return part / total if total > 0 else 0.0
'''
SAME = '''
def share(total, part):
    """Said otherwise,
    on two lines: a # is no comment here."""
    return part / total if total > 0 else 0.0  # another
'''


@pytest.fixture
def written(tmp_path):
    """The function `share` of a module with some text."""

    def of(text, name):
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return of


def test_a_function_is_another_when_its_code_is(written):
    first = written(TEXT, "first")
    assert digest(written(SAME, "same").share) == digest(first.share)
    assert digest(written(TEXT.replace("> 0 ", ">= 0 "), "other").share) != digest(first.share)
    assert digest(written(TEXT.replace("part / total", "total / part"), "another").share) != digest(
        first.share
    )


def test_what_was_tried_of_another_text_does_not_count(written):
    old, new = written(TEXT, "old"), written(TEXT.replace("0.0", "1.0"), "new")
    of_old = {"file": {"share": {"code": digest(old.share), "tried": "0.0 1.0", "survivors": []}}, "gone": {}}
    assert current(of_old, {"file": old}) == {"file": of_old["file"]}
    assert current(of_old, {"file": new}) == {}


def test_changes_are_drawn_among_those_not_tried_evenly_over_files():
    every = {
        "ces": [(f, m) for name, f in functions(ces) for m in mutants_of("ces", name, f)],
        "again": [(f, m) for name, f in functions(ces) for m in mutants_of("again", name, f)],
    }
    assert len(every["ces"]) == sum(count(f) for _, f in functions(ces))
    assert len({m.name for _, m in every["ces"]}) == len(every["ces"])
    drawn = choose(every, {}, 6, 0)
    assert [m.file for _, m in drawn[:4]] == ["ces", "again", "ces", "again"]
    assert Counter(m.file for _, m in drawn) == {"ces": 6, "again": 6}
    places = {(m.file, m.function): f for group in every.values() for f, m in group}
    survived = {m: number == 0 for number, (_, m) in enumerate(drawn)}
    record = added({}, survived, places)
    assert record["ces"][drawn[0][1].function]["survivors"] == [drawn[0][1].change]
    left = choose(every, record, 8, 0)
    assert Counter(m.file for _, m in left) == {"ces": 2, "again": 2}
    assert not {m for _, m in left} & set(survived)
    rest = choose(every, record, None, 0)
    assert len(rest) == sum(map(len, every.values())) - 12
    # A survivor that is noticed in the end is struck off, and still counts once.
    record = added(record, {drawn[0][1]: False}, places)
    assert record["ces"][drawn[0][1].function]["survivors"] == []
    assert sum(len(found["tried"].split()) for found in record["ces"].values()) == 6


def test_reasons_and_records_are_of_functions_that_there_are():
    modules = files() | files(estimators=True)
    known = {f"{file}.{name}" for file, module in modules.items() for name, _ in functions(module)}
    assert {name.split(": ")[0] for name in explained()} <= known
    record = records.read("mutation")
    assert set(record) <= set(modules)
    assert set(mutation.SPEED_ONLY) <= set(modules)

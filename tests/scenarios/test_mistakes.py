"""Mistakes planted in the shipped scenarios: all are told at once, and nothing else."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

import calibration
from calibration import strict_yaml
from calibration.strict_yaml import Document
from calibration.validate import read
from scenarios import library, sweeps
from scenarios.sweeps.design import Design
from scenarios.sweeps.gathering import STAND_INS
from scenarios.sweeps.study import prepare
from tests import mistakes

EACH = 2
loaded = cache(calibration.load)


@pytest.mark.parametrize("name", library.available())
def test_all_mistakes_in_a_scenario_are_told_at_once_and_nothing_else(name: str) -> None:
    path = library.available()[name]
    document = strict_yaml.load(path)
    for seed in range(EACH):
        assert_told(path, document, random.Random(seed))


@pytest.mark.parametrize("name", sweeps.available())
def test_all_mistakes_in_a_sweep_are_told_at_once_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "load", loaded)
    for seed in range(EACH):
        assert_told_of_a_sweep(sweeps.available()[name], random.Random(seed))


def assert_told(path: Path, document: Document, chance: random.Random) -> None:
    """Plants mistakes and reads what is told."""
    planted = mistakes.chosen(mistakes.of_a_scenario(document.data), chance)
    bad = Document(document.file, mistakes.planted(document.data, planted), document.lines)
    told = mistakes.told(lambda: library.from_document(bad, path.parent, loaded))
    assert told == sorted(mistake.where for mistake in planted), planted


def assert_told_of_a_sweep(path: Path, chance: random.Random) -> None:
    """Plants mistakes and reads what is told."""
    document = strict_yaml.load(path)
    planted = mistakes.chosen(mistakes.of_a_sweep(document.data), chance)
    bad = Document(document.file, mistakes.planted(document.data, planted), document.lines)
    told = mistakes.told(lambda: prepare(read(Design, bad, STAND_INS)))
    assert told == sorted(mistake.where for mistake in planted), planted

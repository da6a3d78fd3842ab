"""Mistakes planted in the shipped scenarios: all are told at once, and nothing else."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

import calibration
from calibration import strict_yaml
from calibration.strict_yaml import Document
from scenarios import library
from tests import mistakes

EACH = 2
loaded = cache(calibration.load)


@pytest.mark.parametrize("name", library.available())
def test_all_mistakes_in_a_scenario_are_told_at_once_and_nothing_else(name: str) -> None:
    path = library.available()[name]
    document = strict_yaml.load(path)
    for seed in range(EACH):
        assert_told(path, document, random.Random(seed))


def assert_told(path: Path, document: Document, chance: random.Random) -> None:
    """Plants mistakes and reads what is told."""
    planted = mistakes.chosen(mistakes.of_a_scenario(document.data), chance)
    data = mistakes.planted(document.data, planted)
    told = mistakes.told(
        lambda bad: library.from_document(bad, path.parent, loaded), Document(document.file, data, document.lines)
    )
    assert told == sorted(mistake.where for mistake in planted), planted

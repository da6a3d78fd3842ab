"""A few inputs of every format that is read; the long counts are `python -m tests.fuzzing`."""

import random

import pytest

from calibration.errors import InputError, Problem
from tests import fuzzing

EACH = 10


def tried(known, seed):
    """The faults that so many inputs of each format show."""
    chance = random.Random(seed)
    outcomes = [
        (name, fuzzing.attempt(form, fuzzing.given(form, chance)))
        for name, form in known.items()
        for _ in range(EACH)
    ]
    return [(name, text) for name, text in outcomes if text not in ("read", "refused")]


def test_settings_of_any_form_are_read_or_refused(tmp_path):
    assert tried(fuzzing._settings(tmp_path), 1) == []


def test_tables_of_any_form_are_read_or_refused(tmp_path):
    assert tried(fuzzing._tables(tmp_path), 2) == []


@pytest.mark.slow
def test_results_of_any_form_are_read_or_refused(tmp_path):
    assert tried(fuzzing._results(tmp_path), 3) == []


def raising(error):
    def read(content):
        raise error

    return fuzzing.Format((b"x",), read)


def endless(content):
    while True:
        pass


def test_a_fault_is_told_from_a_refusal(monkeypatch):
    assert fuzzing.attempt(fuzzing.Format((b"",), lambda content: None), b"") == "read"
    assert fuzzing.attempt(raising(InputError(Problem("bad"))), b"") == "refused"
    for error in (KeyError("x"), RecursionError(), MemoryError(), UserWarning("w"), SystemExit(1)):
        assert type(error).__name__ in fuzzing.attempt(raising(error), b"")
    monkeypatch.setattr(fuzzing, "SECONDS", 0.05)
    assert "TooLong" in fuzzing.attempt(fuzzing.Format((b"",), endless), b"")

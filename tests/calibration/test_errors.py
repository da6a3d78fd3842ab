"""Messages about bad input: form, order of their parts, and the nearest valid name."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.errors import (
    SHOWN_PROBLEMS,
    InputError,
    Problem,
    dotted,
    nearest,
    one_of,
    printable,
    shown,
    unknown_name,
)

REGIONS = ["CHN", "JPN", "USA", "KOR", "TWN", "DEU"]


def test_a_problem_reads_as_one_line():
    problem = Problem(
        "unknown region 'JPM'",
        file="scenarios/a.yaml",
        line=12,
        where="quotas[0].origin",
        expected="one of CHN, JPN",
        suggestion="JPN",
    )
    assert str(problem) == (
        "scenarios/a.yaml:12: quotas[0].origin: unknown region 'JPM'; expected one of CHN, JPN; did you mean JPN?"
    )


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("no such file", "a.yaml"), "a.yaml: no such file"),
        (Problem("bad", line=3), "bad"),
        (Problem("bad", where="a.b", expected="text"), "a.b: bad; expected text"),
    ],
)
def test_parts_that_are_not_known_are_left_out(problem, text):
    assert str(problem) == text


def test_all_problems_are_shown_up_to_a_screenful():
    error = InputError([Problem(f"fault {i}") for i in range(SHOWN_PROBLEMS + 7)])
    lines = str(error).splitlines()
    assert lines[0] == "fault 0"
    assert lines[-1] == "... and 7 more problems"
    assert len(lines) == SHOWN_PROBLEMS + 1


def test_an_error_survives_the_way_back_from_a_worker_process():
    error = InputError([Problem("one", "a.yaml", 1), Problem("two")])
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert copy.problems == error.problems
    assert str(copy) == str(error)


def test_an_error_from_text_or_from_one_problem():
    assert InputError("no such thing").problems == (Problem("no such thing"),)
    assert InputError(Problem("x")).problems == (Problem("x"),)
    with pytest.raises(ValueError, match="at least one"):
        InputError([])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("JPM", "JPN"), ("jpn", "JPN"), ("CHNN", "CHN"), ("DE", "DEU"), ("zzzzzz", ""), (3, ""), ("", "")],
)
def test_nearest(name, expected):
    assert nearest(name, REGIONS) == expected


def test_nearest_finds_a_name_by_its_beginning():
    assert nearest("ree", ["magnets", "ree_separation_and_refining"]) == "ree_separation_and_refining"


def test_nearest_of_an_enormous_name_is_quick():
    assert nearest("x" * 10_000_000, REGIONS) == ""


def test_unknown_name():
    problem = unknown_name("region", "Jpn", REGIONS, file="a.yaml", line=2, where="origin")
    assert str(problem) == (
        "a.yaml:2: origin: unknown region 'Jpn'; expected one of CHN, JPN, USA, KOR, TWN, DEU; did you mean JPN?"
    )


def test_long_lists_of_names_are_cut():
    assert one_of(f"c{i}" for i in range(50)).endswith("c11, ... (50 in all)")
    assert one_of(f"c{i}" for i in range(12)).endswith("c10, c11")
    assert one_of(["only"]) == "only"


@given(st.text())
def test_messages_never_carry_control_characters(text):
    assert printable(text).isprintable()
    assert str(Problem(text, file=text, line=1, where=text, expected=text, suggestion=text)).isprintable()


def test_a_terminal_escape_in_a_name_is_shown_as_text():
    assert str(Problem("bad", file="\x1b[2Ja.yaml")) == "\\x1b[2Ja.yaml: bad"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "the truth value true"),
        ("1_000", "text '1_000'"),
        (3.5, "the number 3.5"),
        ({}, "a mapping"),
        ([], "a list"),
    ],
)
def test_shown(value, text):
    assert shown(value) == text


def test_shown_is_short():
    assert len(shown("x" * 10_000)) < 80


def test_dotted():
    assert dotted(("instruments", 0, "limit")) == "instruments[0].limit"
    assert dotted(()) == ""
    assert dotted((0, "a")) == "[0].a"

"""Words of a command line that no command takes, and numbers outside their limits."""

import argparse

import pytest

import run
from outputs import arguments
from outputs.arguments import between, whole


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("solve no-shock --horzion short", "did you mean --horizon?"),
        ("solve no-shock -o here", "did you mean --out?"),
        ("report x --outputt=here.html", "did you mean --output?"),
        ("validate now", "validate does not take 'now'"),
        ("solve no-shock --set a 25000", "--option VALUE"),
        ("estimate elasticities --simulate --zetta 3", "did you mean --zeta?"),
    ],
)
def test_a_word_that_is_not_taken_is_named_with_the_nearest_option(line, said, capsys):
    assert run.guarded(line.split()) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert f"of {line.split()[0]}" in message or f"{line.split()[0]} does not take" in message


def test_all_unknown_options_are_named_at_once(capsys):
    assert run.guarded(["solve", "no-shock", "--one", "1", "--two=2"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "--one" in first
    assert "--two" in second


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (whole(1), "3", 3), (whole(0), "0", 0), (whole(1900, 2200), "2010", 2010), (between(0, 1), "0", 0.0),
        (between(0, 1, above=True), "1", 1.0), (between(0), "1e-6", 1e-6),
    ],
)  # fmt: skip
def test_numbers_within_limits_are_read(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (whole(1), "0", "a whole number, 1 or more"), (whole(1), "2.5", "whole number"), (whole(0), "many", "'many'"),
        (whole(1900, 2200), "20100", "from 1900 to 2200"), (between(0, 1), "1.1", "from 0 to 1"),
        (between(0, 1, above=True), "0", "above 0 and at most 1"), (between(0, 1), "50%", "not percent"),
        (between(0), "nan", "0 or more"), (between(0), "inf", "0 or more"), (between(0, above=True), "0", "above 0"),
    ],
)  # fmt: skip
def test_others_are_refused_with_what_was_expected(kind, text, said):
    with pytest.raises(argparse.ArgumentTypeError, match="got") as caught:
        kind(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "solve no-shock --workers 0",
        "path china-2010-2015 --cut 50%",
        "compare a b --rows 0",
        "validate --workers -1",
    ],
)
def test_commands_use_them(line, capsys):
    with pytest.raises(SystemExit) as caught:
        run.guarded(line.split())
    assert caught.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "expected a" in error
    assert "_" not in error.split("got")[1]  # no name of a function


def test_a_short_option_stands_for_a_long_one_only_where_there_is_one():
    assert arguments._begun("-o", ["--out", "--quiet"]) == "--out"
    assert arguments._begun("-o", ["--out", "--output"]) == ""
    assert arguments._begun("--", ["--out"]) == ""

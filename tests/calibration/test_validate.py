"""Schemas: a file that breaks one is answered with every problem, its line and the nearest valid name."""

from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from calibration.errors import InputError
from calibration.strict_yaml import loads
from calibration.validate import Schema, validate


class Parameter(Schema):
    value: float
    unit: str
    status: Literal["measured", "estimated", "judgement"]


class Quota(Schema):
    kind: Literal["quota"]
    origin: str
    limit: Annotated[float, Field(ge=0)]
    goods: tuple[str, ...] = ()


class Tax(Schema):
    kind: Literal["export_tax"]
    rate: float

    @field_validator("rate")
    @classmethod
    def below_a_thousand_percent(cls, rate: float) -> float:
        if rate > 10:
            raise ValueError("a rate of more than 1000%")
        return rate


class Scenario(Schema):
    name: str
    year: int
    by_year: dict[int, float] = {}
    note: str | None = None
    level: float | Literal["base"] = 1.0
    pair: tuple[str, float] | None = None
    final: bool = Field(default=False, alias="is final")
    parameters: dict[str, Parameter] = {}
    instruments: list[Annotated[Quota | Tax, Field(discriminator="kind")]] = []

    @model_validator(mode="after")
    def not_too_early(self) -> "Scenario":
        if self.year < 1995:
            raise PydanticCustomError("early", "the tables begin in 1995", {"expected": "a year from 1995"})
        return self


def messages(text, schema=Scenario, path=()):
    with pytest.raises(InputError) as caught:
        validate(schema, loads(text, "s.yaml"), path)
    return [str(problem) for problem in caught.value.problems]


BASE = "name: x\nyear: 2010\n"


def test_a_good_file_becomes_a_frozen_record():
    scenario = validate(
        Scenario,
        loads(
            BASE + "by_year: {2010: 1, 2011: 1e-6}\nlevel: base\npair: [a, 1]\nis final: true\n"
            "parameters:\n  sigma: {value: 5, unit: '1', status: judgement}\n"
            "instruments:\n- {kind: quota, origin: CHN, limit: 30258, goods: [La, NO]}\n"
            "- {kind: export_tax, rate: 0.15}\n"
        ),
    )
    assert scenario.by_year == {2010: 1.0, 2011: 1e-6}
    assert scenario.level == "base"
    assert scenario.final is True
    assert scenario.instruments == [
        Quota(kind="quota", origin="CHN", limit=30258.0, goods=("La", "NO")),
        Tax(kind="export_tax", rate=0.15),
    ]
    with pytest.raises(ValueError, match="frozen"):
        scenario.year = 2011


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nmae: y", "s.yaml:3: nmae: unknown key; expected one of name, year,"),
        ("noet: y", "did you mean note?"),
        ("by_year: {2010: a}", "s.yaml:3: by_year[2010]: got text 'a'; expected a number"),
        ("by_year: {x: 1}", "s.yaml:3: by_year.x: got text 'x' as a key; expected a whole number"),
        ("note: 3", "s.yaml:3: note: got the number 3; expected text"),
        ("note: [3]", "s.yaml:3: note: got a list; expected text"),
        ("level: bsae", "s.yaml:3: level: got text 'bsae'; expected a number or base; did you mean base?"),
        ("level: true", "level: got the truth value true; expected a number or base"),
        ("pair: [a, b]", "s.yaml:3: pair[1]: got text 'b'; expected a number"),
        ("is final: yes", "s.yaml:3: is final: got text 'yes'; expected true or false"),
        ("final: true", "final: unknown key"),
        ("parameters: [a]", "s.yaml:3: parameters: got a list; expected a mapping"),
        (
            "parameters: {a: 4}",
            "parameters.a: got the number 4; expected a mapping with keys value, unit, status",
        ),
        (
            "parameters: {a: {unit: b, status: measured}}",
            "s.yaml:3: parameters.a.value: missing key; expected a number",
        ),
        (
            "parameters: {a: {value: 1, unit: b, status: mesured}}",
            "parameters.a.status: got text 'mesured'; expected one of measured, estimated, judgement; "
            "did you mean measured?",
        ),
        (
            "parameters: {a: {value: '1', unit: b, status: measured}}",
            "value: got text '1'; expected a number",
        ),
        (
            "instruments:\n- kind: quota\n  limit: 1",
            "s.yaml:4: instruments[0].origin: missing key; expected text",
        ),
        (
            "instruments:\n- kind: quota\n  origin: CHN\n  limit: -1",
            "s.yaml:6: instruments[0].limit: got the number -1; expected a number >= 0",
        ),
        (
            "instruments:\n- kind: quota\n  orgin: CHN\n  limit: 1",
            "s.yaml:5: instruments[0].orgin: unknown key; expected one of kind, origin, limit, goods; "
            "did you mean origin?",
        ),
        (
            "instruments:\n- rate: 1\n  kind: exporttax",
            "s.yaml:5: instruments[0].kind: got text 'exporttax'; expected one of quota, export_tax; "
            "did you mean export_tax?",
        ),
        (
            "instruments:\n- rate: 1",
            "s.yaml:4: instruments[0].kind: missing key; expected one of quota, export_tax",
        ),
        ("instruments:\n- 7", "s.yaml:4: instruments[0]: got the number 7; expected a mapping"),
        (
            "instruments:\n- {kind: export_tax, rate: 11}",
            "s.yaml:4: instruments[0].rate: a rate of more than 1000%",
        ),
        ("instruments: {kind: quota}", "s.yaml:3: instruments: got a mapping; expected a list"),
    ],
)
def test_one_fault_is_answered_with_one_message(line, message):
    found = messages(BASE + line + "\n")
    assert len(found) == 1
    assert message in found[0]


def test_all_faults_come_together_in_the_order_of_the_file():
    found = messages("nane: x\nyear: 2010.5\nnote: 3\nparameters:\n  a: 1\n")
    assert [message.split(": ")[0] for message in found] == ["s.yaml:1", "s.yaml:2", "s.yaml:3", "s.yaml:5"]


def test_a_misspelt_key_is_not_told_as_missing_too():
    assert messages("nane: x\nyear: 2010\n") == [
        "s.yaml:1: nane: unknown key; expected one of name, year, by_year, note, level, pair, is final, parameters, "
        "instruments; did you mean name?"
    ]


def test_a_used_key_is_not_suggested():
    found = messages("name: x\nyear: 2010\nnames: y\n")
    assert "did you mean" not in found[0]


def test_an_empty_section_lacks_its_keys():
    assert messages("scenario:\n", path=("scenario",)) == [
        "s.yaml:1: scenario.name: missing key; expected text",
        "s.yaml:1: scenario.year: missing key; expected a whole number",
    ]


def test_a_part_of_a_file_is_checked_with_its_own_lines():
    found = messages("other: 1\nscenario:\n  name: x\n  year: no\n", path=("scenario",))
    assert found == ["s.yaml:4: scenario.year: got text 'no'; expected a whole number"]


def test_a_check_over_several_keys_is_told_with_what_it_expects():
    assert messages("name: x\nyear: 1990\n") == [
        "s.yaml:1: the tables begin in 1995; expected a year from 1995"
    ]


def test_a_file_that_is_a_list():
    assert messages("- 1\n")[0].startswith("s.yaml:1: got a list; expected a mapping with keys name, year")


class Either(Schema):
    value: Quota | Tax


def test_alternatives_without_a_discriminator_still_name_the_place():
    found = messages("value: {kind: export_tax, rte: 1}\n", schema=Either)
    assert any("value.rte: unknown key" in message and "did you mean rate?" in message for message in found)


KEYS = st.sampled_from(
    [*Scenario.model_fields, *Parameter.model_fields, *Quota.model_fields, "kind", "zz", "a b"]
)
LEAVES = st.none() | st.booleans() | st.integers(-9, 3000) | st.floats(-9, 9) | KEYS
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


@given(TREES, TREES, TREES)
def test_no_file_breaks_the_telling_of_what_is_wrong_with_it(one, two, three):
    """Any tree of values is accepted, or refused with a place that is in the file or a key lacking there."""
    data = {"name": "x", "year": 2010, "parameters": one, "instruments": two, "by_year": three}
    document = loads(yaml.dump(data, Dumper=_NoAliases))
    try:
        validate(Scenario, document)
    except InputError as error:
        for problem in error.problems:
            assert problem.line is not None
            assert problem.what


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


_NoAliases.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'")
)

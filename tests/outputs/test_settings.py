"""`--set`: a value in a scenario changed from the command line, or said why it cannot be."""

import pytest

import scenarios
from calibration.errors import InputError
from outputs import settings


def load(*texts, name="china-2010-quota", **forced):
    return scenarios.load(name, edit=settings.editor([settings.parse(text) for text in texts], forced))


def test_a_limit_by_the_name_of_its_instrument():
    assert load("instruments.quota-2010.limit=25000").instruments[0].limit.value == 25000
    assert load("instruments.0.limit.value=25000").instruments[0].limit.value == 25000
    assert load("instruments.export_quota.limit=25000").instruments[0].limit.value == 25000


def test_a_changed_number_loses_the_source_of_the_old_one():
    limit = load("instruments.quota-2010.limit=25000").instruments[0].limit
    assert limit.source == "set on the command line"
    assert limit.status == "analyst"
    assert limit.unit == "t"


def test_parameters_and_horizon():
    changed = load("parameters.breadth=0", "parameters.ree_elasticity.magnets=0.1", horizon="short")
    assert changed.parameters == {"breadth": 0, "ree_elasticity": {"magnets": 0.1}}
    assert changed.horizon == "short"
    assert load("regimes=[directed]").regimes == ("directed",)


def test_nothing_set_is_the_file_as_it_stands():
    assert settings.editor([], {"horizon": None}) is None
    assert load().model_dump() == scenarios.load("china-2010-quota").model_dump()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit", "expected a.dotted.path=value"),
        ("=3", "expected a.dotted.path=value"),
        ("a..b=3", "expected a.dotted.path=value"),
        ("year=0x10", "in another base"),
        ("year=.nan", "a finite number"),
        ("year=*x", "alias"),
        ("year=1\nname: hidden", "more than one value"),
        ("instruments.quota-2011.limit=3", "did you mean quota-2010"),
        ("instruments.7.limit=3", "unknown instrument '7'"),
        ("instrumens.quota-2010.limit=3", "instrumens"),
        ("parameters.brdth=0", "did you mean breadth"),
        ("yeer=2010", "yeer"),
        ("name.deeper=1", "holds no settings"),
    ],
)
def test_what_cannot_be_set_is_said(text, message):
    with pytest.raises(InputError, match=message):
        load(text)


def test_messages_name_the_file():
    with pytest.raises(InputError, match=r"china-2010-quota\.yaml"):
        load("parameters.brdth=0")

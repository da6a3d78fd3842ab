"""The page of results says what the Dataset holds."""

import re

from outputs import reference
from scenarios.sweeps import outcomes


def test_the_page_is_in_step_with_the_code():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run `python -m outputs.reference`"


def test_every_variable_of_a_result_is_on_the_page(solved):
    listed = set(re.findall(r"^\| `(\w+)`", reference.page(), re.MULTILINE))
    assert {str(name) for name in solved.dataset.data_vars} <= listed | {"message", "embargo_loss"}


def test_the_variables_that_a_sweep_takes_are_those_that_its_page_says():
    listed = re.findall(r"^\| `(\w+)`", reference.page(), re.MULTILINE)
    first, last = (listed.index(name) for name in ("producer_price", "stage_supply_concentration"))
    assert {*listed[first : last + 1], "licence_price"} == set(outcomes.KNOWN)
    page = (reference.PAGE.parent / "sweeps.md").read_text(encoding="utf-8")
    assert "from `producer_price` to `stage_supply_concentration`" in page


def test_axes_on_the_page_are_those_of_the_result(solved):
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]*) \|", reference.page(), re.MULTILINE)
    for name, axes in rows:
        if name in solved.dataset:
            own = [axis for axis in solved.dataset[name].dims if axis not in ("scenario", "regime", "force")]
            assert own == [axis for axis in axes.split(", ") if axis], name

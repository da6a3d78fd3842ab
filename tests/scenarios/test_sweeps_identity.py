"""The identity of a sweep follows every file its numbers rest on, and the order that decides between settings."""

import pytest

from calibration.errors import InputError
from scenarios import sweeps
from scenarios.sweeps.storage import create, differences, resume

# Two files of one name, in two folders; a scenario that borrows another one's quotas.
FILES = {
    "sweep.yaml": """\
name: small
title: A small sweep
question: What decides?
scenarios: {swap: t, other: o.yaml}
regimes: [exogenous]
design: {type: monte_carlo, draws: 4, seed: 1}
vary:
  - path: calibration.ree_elasticity_max
outcomes:
  - {name: dy, variable: border_value, select: {origin: CHN, element: Dy}}
  - {name: dy-swap, scenario: swap, variable: border_value, select: {origin: CHN, element: Dy}}
  - {name: dy-other, scenario: other, variable: border_value, select: {origin: CHN, element: Dy}}
""",
    "t.yaml": """\
name: t
title: taxes
question: What?
calibration: cal.yaml
year: 2010
horizon: short
SWAP: q.yaml
""",
    "o.yaml": """\
name: o
title: nothing
question: What?
calibration: cal.yaml
year: 2010
horizon: short
parameters: {ree_elasticity: 0.3, ree_elasticity.magnets: 0.05}
""",
    "q.yaml": """\
name: q
title: a quota
question: What?
calibration: china-2009
year: 2010
horizon: short
instruments:
  - type: export_quota
    origins: CHN
    elements: all
    limit: {value: 30258, unit: t, source: a test, status: analyst}
""",
    "cal.yaml": """\
name: own
based_on: sub/cal.yaml
parameters:
  ree_elasticity_max: {value: 0.3, unit: elasticity, source: a test, status: analyst, range: [0.2, 0.95]}
""",
    "sub/cal.yaml": """\
name: inner
based_on: china-2009-small
parameters:
  spillover: {value: 0.05, unit: elasticity, source: a test, status: analyst, range: [0, 0.2]}
""",
}
CHANGES = {
    "the sweep": ("sweep.yaml", "seed: 1", "seed: 2"),
    "a scenario": ("o.yaml", "year: 2010", "year: 2011"),
    "the scenario that borrows": ("t.yaml", "year: 2010", "year: 2011"),
    "the scenario it borrows from": ("q.yaml", "30258", "10000"),
    "the calibration": ("cal.yaml", "value: 0.3", "value: 0.4"),
    "what it is based on": ("sub/cal.yaml", "value: 0.05", "value: 0.06"),
    "the first scenario": ("sweep.yaml", "swap: t, other: o.yaml", "other: o.yaml, swap: t"),
    "the order of parameters": (
        "o.yaml",
        "ree_elasticity: 0.3, ree_elasticity.magnets: 0.05",
        "ree_elasticity.magnets: 0.05, ree_elasticity: 0.3",
    ),
}


def write(folder, swap="tax_equivalent_of"):
    (folder / "sub").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text.replace("SWAP", swap))
    return folder / "sweep.yaml"


@pytest.mark.parametrize("swap", ["tax_equivalent_of", "taxes_from_licences_of"])
def test_the_identity_changes_with_any_one_file(swap, tmp_path):
    file = write(tmp_path / "a", swap)
    seen = {sweeps.load(file).spec.identity}
    assert sweeps.load(write(tmp_path / "b", swap)).spec.identity in seen  # contents count, not places
    for name, old, new in CHANGES.values():
        text = (tmp_path / "a" / name).read_text()
        assert old in text
        (tmp_path / "a" / name).write_text(text.replace(old, new))
        seen.add(sweeps.load(file).spec.identity)
        (tmp_path / "a" / name).write_text(text)
    assert len(seen) == 1 + len(CHANGES)


def test_another_order_is_another_sweep_and_is_named(tmp_path):
    """The outcome without `scenario:` reads the first one."""
    file = write(tmp_path / "files")
    first = sweeps.load(file)
    assert first.columns[0].source.scenario == "swap"
    create(first, tmp_path / "run")
    file.write_text(FILES["sweep.yaml"].replace("swap: t, other: o.yaml", "other: o.yaml, swap: t"))
    second = sweeps.load(file)
    assert second.columns[0].source.scenario == "other"
    with pytest.raises(InputError, match=r"other inputs: .*design.scenarios.\(order\)"):
        resume(second, tmp_path / "run")
    assert differences({"a": 1, "b": {"c": 1}}, {"a": 1, "b": {"c": 1}}) == []


def test_the_calibration_is_the_one_beside_the_scenario(tmp_path, monkeypatch):
    """Whatever the working folder holds; a path that is only there is taken from there."""
    file = write(tmp_path / "files")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "cal.yaml").write_text("name: wrong\nbased_on: china-2009-small\n")
    monkeypatch.chdir(tmp_path / "here")
    assert sweeps.load(file).calibration.name == "own"
    file.write_text(FILES["sweep.yaml"] + "calibration: sub/cal.yaml\n")
    assert sweeps.load(file).calibration.name == "inner"
    file.write_text(FILES["sweep.yaml"] + "calibration: here.yaml\n")
    (tmp_path / "here" / "here.yaml").write_text("name: here\nbased_on: china-2009-small\n")
    assert sweeps.load(file).calibration.name == "here"

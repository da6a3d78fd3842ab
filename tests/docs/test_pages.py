"""Documentation that stays true: links lead somewhere, notebooks print what they show, equations lead to code."""

import re

import pytest

from calibration import strict_yaml
from docs import equations, readme
from docs.notebooks.running import NOTEBOOKS, executed
from tests.docs.pages import NAMES, PAGES, ROOT, without_code

# Links


def anchors(path):
    """Anchors of a page's headings, as GitHub and MyST make them; the page of equations has its own."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", one.lower().replace("`", "")).replace(" ", "-") for one in headings}
    return made | ({f"e{n}" for n in equations.texts()} if path.name == "equations.md" else set())


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_inside_the_repository_lead_somewhere(path):
    text = re.sub(r"`[^`\n]*`", "", without_code(path.read_text(encoding="utf-8")))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)
    assert broken == []


# What must change with another table


def named(content, labels):
    """Whether labels stand anywhere in a piece of a calibration, but for words of its source."""
    if isinstance(content, dict):
        return any(k in labels or named(v, labels) for k, v in content.items() if k not in ("source", "note"))
    if isinstance(content, list):
        return any(named(one, labels) for one in content)
    return isinstance(content, str) and content in labels


@pytest.mark.parametrize(("kind", "rows"), [("regions", 2), ("sectors", 1)])
def test_the_how_to_lists_every_entry_that_names_regions_or_sectors(kind, rows):
    page = (ROOT / "docs/howto/another-world-table.md").read_text(encoding="utf-8")
    listed = [line.split("|") for line in page.splitlines() if line.startswith(f"| {kind}")]
    assert len(listed) == rows
    labels = set(strict_yaml.load(ROOT / "calibration/concordances/wiod2013-12x35.yaml").data[kind])
    found = set()
    for name in ("china-2009", "world-2024"):
        content = strict_yaml.load(ROOT / f"calibration/{name}.yaml").data
        groups = {key: content.pop(key, {}) for key in ("rare_earths", "parameters", "rebase")}
        for entries in (content, *groups.values()):
            found |= {key for key, entry in entries.items() if named(entry, labels)}
    on_page = {name for line in listed for name in re.findall(r"`(\w+)`", line[2])}
    assert on_page == found


# README, notebooks and equations


def test_the_readme_shows_what_a_solve_prints():
    def comparable(text):
        return re.sub(r"residual \S+", "residual", text)  # the last digits depend on the machine

    shown = readme.BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    assert comparable(shown) == comparable(readme.printed()), "renew it: python -m docs.readme"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert executed(text, path.name) == text, "renew it: python -m docs.notebooks"


def test_a_notebook_that_fails_says_where():
    with pytest.raises(ZeroDivisionError) as error:
        executed("# A page\n\n```python\nx = 1\nx / 0\n```\n", "page.md")
    assert error.traceback[-1].lineno + 1 == 5


def test_every_equation_has_its_text_and_its_functions_on_the_page():
    page, said = equations.sections(), equations.texts()
    assert sorted(said) == list(range(1, 24))
    for number, text in said.items():
        section = page.partition(f"## E{number}\n")[2].partition("\n(equation-e")[0]
        assert text in section
        assert re.search(r":: model\.|`~model\.", section), number


def test_every_function_that_cites_an_equation_is_on_the_page():
    page = equations.sections()
    for one in equations.functions():
        assert f":: {one.name}\n" in page or f"`~{one.name}`" in page


def test_the_model_leads_to_the_code_of_each_equation():
    text = equations.MODEL.read_text(encoding="utf-8")
    assert all(f"**E{n}** ([code](equations.md#e{n}))" in text for n in range(1, 24))

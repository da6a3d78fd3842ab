"""Classifier, agreement, audit, panels: against closed forms and what must add up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import InputError
from calibration.evidence.patents.agreement import agreement, cohen_kappa
from calibration.evidence.patents.audit import draw, score
from calibration.evidence.patents.cpc import parse_symbol
from calibration.evidence.patents.offline import read_labels, shipped_sample, train
from calibration.evidence.patents.panel import (
    add_up,
    count,
    count_all,
    country_names,
    part_of,
    read_concordance,
    stocks,
)
from calibration.evidence.patents.records import CLASSES, Patent, Verdict
from calibration.evidence.shipped import FOLDER, example_labels, sectors


def test_offline_classifier_on_text_it_has_not_seen() -> None:
    labels = example_labels()
    sample = read_labels(FOLDER / "patent_examples.csv")
    assert len(sample) == len(labels) == 72
    seen = {text for text, _ in shipped_sample()}
    assert not seen & {text for text, _ in sample}
    patents = [Patent(str(k), "", text, 2010) for k, (text, _) in enumerate(sample)]
    verdicts = train(shipped_sample()).classify(patents)
    result = agreement([label for _, label in sample], [v.category for v in verdicts])
    # Invented by the same hand as the training text: a floor for the code, no promise for real patents.
    assert result.accuracy > 0.85
    assert result.kappa is not None
    assert result.kappa > 0.8
    for verdict, patent in zip(verdicts, patents, strict=True):
        assert " ".join(verdict.sentence.split()) in " ".join(patent.text.split())
        assert 1 / 6 < verdict.confidence <= 1


def test_training_is_reproducible_and_names_its_sample() -> None:
    one, two = train(shipped_sample()), train(shipped_sample())
    assert one.name == two.name
    assert one.probabilities(["a magnet"]) == pytest.approx(two.probabilities(["a magnet"]), abs=0)
    assert train(shipped_sample(fillings=2)).name != one.name


def test_a_class_without_examples_is_refused() -> None:
    with pytest.raises(InputError, match="too few labelled examples of recycles"):
        train([(text, label) for text, label in shipped_sample() if label != "recycles"])


def test_kappa_of_a_published_table() -> None:
    # Cohen (1960), table 1: p_o = 0.70, p_e = 0.41.
    counts = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]], float)
    kappa, error = cohen_kappa(counts)
    assert kappa == pytest.approx((0.70 - 0.41) / 0.59, abs=1e-9)
    assert error is not None
    draws = np.random.default_rng(0).multinomial(200, counts.ravel() / 200, 4000).reshape(-1, 3, 3)
    spread = np.std([cohen_kappa(d.astype(float))[0] for d in draws])
    assert error == pytest.approx(spread, rel=0.05)


def test_kappa_at_its_ends() -> None:
    assert cohen_kappa(np.diag([5.0, 3.0]))[0] == 1.0
    assert cohen_kappa(np.array([[25.0, 25.0], [25.0, 25.0]]))[0] == pytest.approx(0.0)
    assert cohen_kappa(np.array([[9.0, 0.0], [0.0, 0.0]])) == (None, None)


def test_recall_and_precision_by_class() -> None:
    reference = ["recycles"] * 4 + ["new_use"] * 2
    result = agreement(reference, ["recycles"] * 3 + ["new_use"] * 3)
    place = CLASSES.index("recycles")
    assert result.recall[place] == 0.75
    assert result.precision[place] == 1.0
    assert result.precision[CLASSES.index("new_use")] == pytest.approx(2 / 3)
    assert result.recall[CLASSES.index("unrelated")] is None
    with pytest.raises(ValueError, match="no classes: magnets"):
        agreement(["magnets"], ["recycles"])


def population(size: int, seed: int = 0) -> tuple[list[Patent], list[Verdict], dict[str, str]]:
    """Patents with a true class, and a classifier that is right three times in four."""
    rng = np.random.default_rng(seed)
    share = [0.05, 0.05, 0.1, 0.2, 0.3, 0.3]
    patents, verdicts, truth = [], [], {}
    for k in range(size):
        true = CLASSES[rng.choice(6, p=share)]
        said = true if rng.random() < 0.75 else CLASSES[rng.integers(6)]
        patents.append(Patent(f"{k:05d}", "T", "A", int(rng.integers(2000, 2015))))
        verdicts.append(Verdict(f"{k:05d}", "classified", said, classifier="c"))
        truth[f"{k:05d}"] = true
    return patents, verdicts, truth


def test_audit_sample_covers_every_stratum_once_weighed() -> None:
    patents, verdicts, _ = population(3000)
    drawn = draw(patents, verdicts, 150)
    assert len(drawn) == len({d.id for d in drawn}) == 150
    assert sum(d.weight for d in drawn) == pytest.approx(3000)
    assert len({d.stratum for d in drawn}) == 18
    said = {v.id: v.category for v in verdicts}
    by_class = {c: sum(said[d.id] == c for d in drawn) for c in CLASSES}
    assert set(by_class.values()) == {25}
    assert [d.id for d in drawn] != sorted(d.id for d in drawn)
    assert drawn == draw(patents, verdicts, 150)


def test_audit_is_unbiased_and_its_errors_are_right() -> None:
    patents, verdicts, truth = population(2000)
    said = {v.id: v.category for v in verdicts}
    true_accuracy = np.mean([truth[i] == said[i] for i in truth])
    true_share = np.mean([t == "new_use" for t in truth.values()])
    gaps, shares = [], []
    for seed in range(60):
        drawn = draw(patents, verdicts, 180, seed=seed)
        result = score(drawn, [said[d.id] for d in drawn], [truth[d.id] for d in drawn])
        gaps.append((result.agreement.accuracy - true_accuracy) / result.accuracy_error)
        found = next(s for s in result.shares if s.category == "new_use")
        shares.append((found.audited - true_share) / found.standard_error)
    assert abs(np.mean(gaps)) < 0.45
    assert 0.7 < np.std(gaps) < 1.35
    assert abs(np.mean(shares)) < 0.45
    assert 0.7 < np.std(shares) < 1.35


def test_an_audit_of_everything_has_no_error() -> None:
    patents, verdicts, truth = population(120)
    drawn = draw(patents, verdicts, 120)
    result = score(drawn, [v.category for v in sorted_as(drawn, verdicts)], [truth[d.id] for d in drawn])
    assert result.accuracy_error == pytest.approx(0.0, abs=1e-12)


def sorted_as(drawn: list, verdicts: list[Verdict]) -> list[Verdict]:  # type: ignore[type-arg]
    by_id = {v.id: v for v in verdicts}
    return [by_id[d.id] for d in drawn]


def test_a_sample_too_small_for_its_strata_is_refused() -> None:
    patents, verdicts, _ = population(500)
    with pytest.raises(ValueError, match="cannot cover"):
        draw(patents, verdicts, 5)
    with pytest.raises(ValueError, match="no classified"):
        draw(patents, [Verdict(p.id, "pending") for p in patents], 50)


def test_shipped_concordance_adds_up_and_takes_the_longest_symbol() -> None:
    concordance = read_concordance()
    known = set(sectors()["sector"])

    def of(text: str) -> dict[str, float]:
        symbol = parse_symbol(text)
        assert symbol is not None
        shares = dict(concordance.sectors(symbol))
        assert sum(shares.values()) == pytest.approx(1)
        assert set(shares) <= known
        return shares

    assert of("C22B 59/00") != of("C22B 7/00")
    assert of("C22B 7/00") == of("C22C 38/00") == {"c12": 1.0}
    assert of("C09K 3/14") != of("C09K 11/77")
    assert of("C09K 3/1409") == of("C09K 3/14")
    assert of("H02K 1/27")["c14"] == 0.6
    assert of("A47L 9/16") == of("A01B 1/00")
    assert of("G06N 3/02") == {"c14": 1.0}


def test_a_concordance_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("cpc,sector,probability\nH01F,c14,0.5\nH01F,c13,0.5\n", encoding="utf-8")
    own = read_concordance(path)
    symbol, other = parse_symbol("H01F 1/057"), parse_symbol("A01B 1/00")
    assert symbol is not None
    assert other is not None
    assert own.sectors(symbol) == {"c14": 0.5, "c13": 0.5}
    assert own.sectors(other) == {"unknown": 1.0}
    path.write_text("cpc,sector,probability\nH01F,c14,0.5\nH02K,c99,1\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_concordance(path)
    assert "add up to 0.5" in str(caught.value)
    assert "c99" in str(caught.value)


PATENT = st.builds(
    Patent,
    id=st.uuids().map(str),
    title=st.just("T"),
    abstract=st.just("A"),
    year=st.integers(2000, 2010),
    cpc=st.lists(st.sampled_from(["H01F 1/057", "C22B 59/00", "G06N 3/02", "?"]), max_size=3).map(tuple),
    inventor_countries=st.lists(st.sampled_from(["JP", "US", "ZZ"]), max_size=3).map(tuple),
)


CONCORDANCE = read_concordance()
COUNTRIES = country_names()


@settings(max_examples=25)
@given(st.lists(PATENT, min_size=1, max_size=12, unique_by=lambda p: p.id), st.data())
def test_every_patent_counts_once(patents: list[Patent], data: st.DataObject) -> None:
    verdicts = [
        Verdict(
            p.id,
            data.draw(st.sampled_from(["classified", "unclassified", "pending"])),
            "recycles",
            data.draw(st.sampled_from([(), ("Nd",), ("Nd", "Dy", "Tb")])),
        )
        for p in patents
    ]
    counts = count(patents, verdicts, CONCORDANCE, COUNTRIES)
    assert counts["patents"].sum() == pytest.approx(sum(v.status == "classified" for v in verdicts))
    totals = count_all(patents, CONCORDANCE, COUNTRIES)
    assert totals["patents"].sum() == pytest.approx(len(patents))
    parts = [
        count_all([p for p in patents if part_of(p.id, 3) == k], CONCORDANCE, COUNTRIES) for k in range(3)
    ]
    joined = add_up(parts)
    assert joined["patents"].to_numpy() == pytest.approx(totals["patents"].to_numpy())


def test_shares_of_one_patent_by_hand() -> None:
    patent = Patent("1", "T", "A", 2010, ("C22B 59/00", "H01F 1/057"), ("JP", "US", "JP", "XX"))
    verdict = Verdict("1", "classified", "uses_less", ("Nd", "Dy"))
    counts = count([patent], [verdict], CONCORDANCE, COUNTRIES)
    cell = counts.set_index(["country", "sector", "element"])["patents"]
    assert cell["JPN", "c14", "Nd"] == pytest.approx(0.5 * 0.5 * 0.5)
    assert cell["RoW", "c12", "Dy"] == pytest.approx(0.25 * 0.5 * 0.6 * 0.5)


def test_stocks_follow_the_perpetual_inventory() -> None:
    patent = [
        Patent(str(k), "T", "A", year, ("G06N 3/02",), ("JP",)) for k, year in enumerate([2000, 2000, 2002])
    ]
    counts = count(
        [*patent], [Verdict(p.id, "classified", "recycles", ("Nd",)) for p in patent], read_concordance()
    )
    table = stocks(counts, depreciation=0.2, growth=0.05)
    assert table["year"].tolist() == [2000, 2001, 2002]
    assert table["patents"].tolist() == [2.0, 0.0, 1.0]
    assert table["stock"].tolist() == pytest.approx([8.0, 6.4, 6.12])
    with pytest.raises(ValueError, match="depreciation"):
        stocks(counts, depreciation=1.0)

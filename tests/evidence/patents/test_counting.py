"""Classifier, agreement, audit, panels: against closed forms and what must add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.errors import InputError
from calibration.evidence.patents.agreement import agreement, cohen_kappa, wilson
from calibration.evidence.patents.audit import Audit, Drawn, draw, score
from calibration.evidence.patents.cpc import parse_symbol
from calibration.evidence.patents.offline import read_labels, shipped_sample, train
from calibration.evidence.patents.panel import (
    add_up,
    count,
    count_all,
    country_names,
    not_codes,
    part_of,
    read_concordance,
    shares_by_country,
    shares_by_sector,
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


def population(
    size: int,
    seed: int = 0,
    right: float = 0.75,
    missed: float = 0.0,
    share: Sequence[float] = (0.05, 0.05, 0.1, 0.2, 0.3, 0.3),
) -> tuple[list[Patent], list[Verdict], dict[str, str]]:
    """Patents with a true class, and a classifier that takes some for unrelated, knows others, and guesses the rest."""
    rng = np.random.default_rng(seed)
    patents, verdicts, truth = [], [], {}
    for k in range(size):
        true = CLASSES[rng.choice(6, p=list(share))]
        said = true if rng.random() < right else CLASSES[rng.integers(6)]
        said = "unrelated" if missed and rng.random() < missed else said
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


def statistics(result: Audit) -> dict[str, tuple[float, float | None, tuple[float, float] | None]]:
    """Estimate, standard error, interval of what an audit says, by name; those that are not there are left out."""
    of = result.agreement
    found: dict[str, tuple[float, float | None, tuple[float, float] | None]] = {
        "accuracy": (of.accuracy, result.accuracy_error, of.accuracy_interval)
    }
    if of.kappa is not None:
        found["kappa"] = (of.kappa, of.kappa_error, None)
    for share in result.shares:
        found[f"share of {share.category}"] = (share.audited, share.standard_error, share.interval)
    for name, recall, precision, r, p in zip(
        of.classes, of.recall, of.precision, of.recall_intervals, of.precision_intervals, strict=True
    ):
        if recall is not None:
            found[f"recall of {name}"] = (recall, None, r)
        if precision is not None:
            found[f"precision of {name}"] = (precision, None, p)
    return found


def drawn_again(sample: int, draws: int, size: int, **kind: Any) -> tuple[dict, dict]:  # type: ignore[type-arg]
    """True statistics of one population, and those of many audits of it."""
    patents, verdicts, truth = population(size, **kind)
    said = {v.id: v.category for v in verdicts}
    everyone = [Drawn(i, f"{said[i]} 2000-2004", 1.0) for i in truth]
    true = statistics(score(everyone, [said[d.id] for d in everyone], [truth[d.id] for d in everyone]))
    # Drawn as `draw` does, which is too slow to be called hundreds of times.
    strata: dict[str, list[str]] = defaultdict(list)
    for patent in patents:
        strata[f"{said[patent.id]} {patent.year // 5 * 5}-{patent.year // 5 * 5 + 4}"].append(patent.id)
    wanted = Counter(d.stratum for d in draw(patents, verdicts, sample))
    assert set(wanted) == set(strata)
    rng = np.random.default_rng(1)
    found = defaultdict(list)
    for _ in range(draws):
        drawn = [
            Drawn(ids[k], name, len(ids) / wanted[name])
            for name, ids in strata.items()
            for k in rng.choice(len(ids), wanted[name], replace=False)
        ]
        result = score(drawn, [said[d.id] for d in drawn], [truth[d.id] for d in drawn])
        for name, values in statistics(result).items():
            found[name].append(values)
    return true, found


# The few labels among the many patents that are said to be unrelated decide, and are seldom wrong.
MISSING = {"size": 6000, "right": 0.97, "missed": 0.3, "share": (0.1, 0.1, 0.1, 0.1, 0.1, 0.5)}


@pytest.mark.parametrize(
    "kind",
    [{"size": 6000}, {"size": 6000, "right": 0.95}, MISSING, {"size": 400}],
    ids=["usual", "good", "missing", "small"],
)
def test_errors_and_intervals_of_an_audit_are_those_of_drawing_it_again(kind: dict[str, Any]) -> None:
    draws = 500
    true, found = drawn_again(120, draws, **kind)
    assert len(found) == 2 + 3 * len(CLASSES)
    covered = {}
    for name, values in found.items():
        estimates = np.array([v[0] for v in values])
        spread = estimates.std()
        if not name.startswith(("recall", "kappa")):  # whose denominators are estimated, too
            assert abs(estimates.mean() - true[name][0]) < 3.5 * spread / np.sqrt(draws), name
        errors = [v[1] for v in values if v[1] is not None]
        if errors:
            # The added labels make them a little too large where classes are rare and the sample is most of them.
            assert 0.87 < np.sqrt(np.mean(np.square(errors))) / spread < 1.35, name
        inside = [v[2][0] - 1e-9 <= true[name][0] <= v[2][1] + 1e-9 for v in values if v[2] is not None]
        if inside:
            covered[name] = np.mean(inside)
    # Of twenty labels only a few shares are possible, so that coverage jumps about 0.95; it must not lie below it.
    assert covered["accuracy"] > 0.92
    assert min(covered.values()) > 0.86
    assert 0.93 < np.mean(list(covered.values())) < 0.99


def test_few_labels_that_all_agree_are_not_certainty() -> None:
    drawn = [Drawn(str(k), "recycles 2000-2004", 500.0) for k in range(2)]
    result = score(drawn, ["recycles"] * 2, ["recycles"] * 2)
    assert result.agreement.accuracy == 1.0
    assert result.accuracy_error > 0.1
    low, high = result.agreement.accuracy_interval or (1.0, 1.0)
    # Two of two: the rule of Wilson for n = 2, which the added labels leave as it is.
    assert (low, high) == pytest.approx((2 / (2 + 1.96**2), 1.0), abs=1e-3)


def test_labels_that_are_left_empty_do_not_move_the_weights_of_the_others() -> None:
    """A labeller who cannot tell half of what was said to be unrelated; before, the rest lost their weight."""
    patents, verdicts, truth = population(3000)
    said = {v.id: v.category for v in verdicts}
    accuracy = np.mean([truth[i] == said[i] for i in truth])
    share = np.mean([t == "unrelated" for t in truth.values()])
    rng = np.random.default_rng(0)
    found, plain = [], []
    for seed in range(40):
        drawn = draw(patents, verdicts, 240, seed=seed)
        told = [
            "" if said[d.id] in ("unrelated", "new_use") and rng.random() < 0.6 else truth[d.id]
            for d in drawn
        ]
        result = score(drawn, [said[d.id] for d in drawn], told)
        assert sum(s.classified for s in result.shares) == pytest.approx(1)
        assert result.agreement.counts.sum() == pytest.approx(3000)
        found.append((result.agreement.accuracy, result.shares[CLASSES.index("unrelated")].audited))
        weights = np.array([d.weight * bool(label) for d, label in zip(drawn, told, strict=True)])
        plain.append(
            weights @ [said[d.id] == label for d, label in zip(drawn, told, strict=True)] / weights.sum()
        )
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - [accuracy, share]) < 3.5 * error)
    assert abs(np.mean(plain) - accuracy) > 3.5 * error[0]  # so that the test would notice


def test_weights_of_strata_without_a_label_go_to_their_class() -> None:
    sample = [
        ("a", "recycles 2000-2004", 10.0),
        ("b", "recycles 2000-2004", 10.0),
        ("c", "recycles 2005-2009", 30.0),
    ]
    drawn = [
        Drawn(*row) for row in [*sample, ("d", "new_use 2000-2004", 50.0), ("e", "unrelated 2000-2004", 7.0)]
    ]
    classes = ["recycles", "recycles", "recycles", "new_use", "unrelated"]
    result = score(drawn, classes, ["recycles", "", "", "recycles", ""])
    assert result.left_out == ("unrelated",)
    assert result.agreement.labels == 2
    assert result.agreement.counts.sum() == pytest.approx(100)
    assert result.agreement.accuracy == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no labels"):
        score(drawn, classes, [""] * 5)


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilson_holds_the_share_and_solves_its_equation(hits: int, more: int) -> None:
    size = hits + more
    share = hits / size
    low, high = wilson(share, size)
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(1.959964 * np.sqrt(end * (1 - end) / size), abs=1e-6)
    assert wilson(share, np.inf) == (share, share)


def test_wilson_of_a_published_example() -> None:
    # Newcombe (1998), table I: 81 of 263 and 0 of 20.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_an_audit_of_everything_has_no_error() -> None:
    patents, verdicts, truth = population(120)
    drawn = draw(patents, verdicts, 120)
    result = score(drawn, [v.category for v in sorted_as(drawn, verdicts)], [truth[d.id] for d in drawn])
    assert result.accuracy_error == pytest.approx(0.0, abs=1e-12)
    for value, error, interval in statistics(result).values():
        assert error in (None, pytest.approx(0.0, abs=1e-12))
        assert interval in (None, pytest.approx((value, value)))


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


def test_countries_in_small_letters_and_wiods_names_are_known_and_others_are_told() -> None:
    patent = Patent("1", "T", "A", 2010, ("C22B 59/00",), ("us", "USA", "US", "Japan", "ZZ", "AFG"))
    assert shares_by_country(patent, COUNTRIES) == pytest.approx({"USA": 0.5, "RoW": 0.5})
    assert not_codes([patent], COUNTRIES) == ["AFG", "Japan"]


def test_symbols_of_a_concordance_are_read_however_they_are_written(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("cpc,sector,probability\nC22B59/00,c12,1\nh01f,c14,1\n", encoding="utf-8")
    patent = Patent("1", "T", "A", 2010, ("C22B 59/00", "H01F 1/057"))
    assert shares_by_sector(patent, read_concordance(table)) == {"c12": 0.5, "c14": 0.5}
    table.write_text(
        "cpc,sector,probability\nC22B59/00,c12,1\nC22B 59/00,c14,1\nrare,c12,1\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"another way to write one above[^$]*no CPC symbol"):
        read_concordance(table)


def test_recall_of_a_class_without_labels_is_not_said_to_be_known() -> None:
    # One patent drawn as mining is labelled, and is about recycling: recall of recycling was 0, with 0.00 to 0.00.
    drawn = [Drawn("1", "mines_separates 2000-2004", 10.0), Drawn("2", "recycles 2000-2004", 10.0)]
    result = score(drawn, ["mines_separates", "recycles"], ["recycles", ""])
    assert result.left_out == ("recycles",)
    place = CLASSES.index("recycles")
    assert result.agreement.recall[place] is None
    assert result.agreement.recall_intervals[place] is None
    assert result.agreement.precision[CLASSES.index("mines_separates")] == 0.0


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

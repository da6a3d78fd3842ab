"""The classifier that needs no endpoint: word and letter patterns weighed by a multinomial logit, learned
from labels.

The labels that come with the project are invented text, expanded from templates (patent_templates.yaml). It
is a start for a machine without a network, and a second opinion; for research, label real patents and train
on them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError, unknown_name
from calibration.evidence.patents.records import CLASSES, Patent, Verdict
from calibration.evidence.patents.text import NAMES, clean, find_application, find_elements, sentences
from calibration.evidence.shipped import FOLDER
from calibration.strict_yaml import load
from calibration.tables import Column, read_csv
from calibration.validate import Schema, validate

VERSION = "offline-1"
FILLINGS = 4  # of each template
_ELEMENT_NAME = re.compile(rf"\b(?:{'|'.join(NAMES.values())})\b", re.IGNORECASE)
_GROUP_NAME = re.compile(
    r"\b(?:rare[- ]earths?(?: elements?| metals?)?|lanthan(?:ide|oid)s?|mischmetal)\b", re.IGNORECASE
)
_CHOICE = re.compile(r"\{([^{}]*)\}")


class Templates(Schema):
    """patent_templates.yaml"""

    slots: dict[str, list[str]]
    templates: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class OfflineClassifier:
    """A fitted pipeline and the fingerprint of what it was trained on."""

    pipeline: Any
    fingerprint: str

    @property
    def name(self) -> str:
        return f"{VERSION}:{self.fingerprint}"

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probability of each of CLASSES (b, c), columns in that order."""
        return np.asarray(self.pipeline.predict_proba([_normal(text) for text in texts]), float)

    def classify(self, patents: Sequence[Patent]) -> list[Verdict]:
        """A verdict for every patent. The deciding sentence is the one without which the class would lose
        most.
        """
        if not patents:
            return []
        texts = [clean(patent.text).text for patent in patents]
        chances = self.probabilities(texts)
        verdicts = []
        for patent, text, chance in zip(patents, texts, chances, strict=True):
            best = int(chance.argmax())
            verdicts.append(
                Verdict(
                    patent.id,
                    "classified",
                    CLASSES[best],
                    find_elements(text),
                    find_application(text),
                    round(float(chance[best]), 4),
                    self._deciding(text, best),
                    self.name,
                )
            )
        return verdicts

    def _deciding(self, text: str, best: int) -> str:
        whole = sentences(text)
        if len(whole) < 2:
            return whole[0] if whole else ""
        without = [" ".join(whole[:k] + whole[k + 1 :]) for k in range(len(whole))]
        return whole[int(self.probabilities(without)[:, best].argmin())]


def shipped_sample(fillings: int = FILLINGS, seed: int = 0) -> list[tuple[str, str]]:
    """(text, label) of the templates, each filled several times, the same for everyone."""
    document = load(FOLDER / "patent_templates.yaml")
    parts = validate(Templates, document)
    if set(parts.templates) != set(CLASSES):
        raise InputError(document.problem(("templates",), "its classes", expected=", ".join(CLASSES)))
    rng = np.random.default_rng(seed)
    return [
        (fill(template, parts.slots, rng), label)
        for label in CLASSES
        for template in parts.templates[label]
        for _ in range(fillings)
    ]


def fill(template: str, slots: dict[str, list[str]], rng: np.random.Generator) -> str:
    """A template with every slot drawn."""

    def draw(match: re.Match[str]) -> str:
        options = match[1].split("|") if "|" in match[1] else slots.get(match[1], [])
        if not options:
            raise InputError(unknown_name("slot", match[1], slots, where=template[:40]))
        return options[int(rng.integers(len(options)))]

    return _CHOICE.sub(draw, template)


def read_labels(path: str | Path) -> list[tuple[str, str]]:
    """(text, label) of a CSV file with columns title, abstract, label; others may stand beside them. Raises
    InputError.
    """
    columns = [
        Column("id", required=False),
        Column("label", valid=CLASSES),
        Column("title"),
        Column("abstract"),
        Column("year", "integer", required=False),
        Column("cpc", required=False),
        Column("inventor_country", required=False),
    ]
    table = read_csv(path, columns)
    return [
        (f"{title}. {abstract}", label)
        for title, abstract, label in zip(table["title"], table["abstract"], table["label"], strict=True)
    ]


def train(sample: Iterable[tuple[str, str]]) -> OfflineClassifier:
    """Fit on (text, label) pairs. Raises InputError when a class has fewer than two examples."""
    pairs = list(sample)
    labels = [label for _, label in pairs]
    short = [name for name in CLASSES if labels.count(name) < 2]
    if short:
        raise InputError(f"too few labelled examples of {', '.join(short)}: every class needs at least two")
    texts = [_normal(clean(text).text) for text, _ in pairs]
    pipeline = _pipeline()
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(1):  # a small problem: more threads only wait for each other
        pipeline.fit(texts, [CLASSES.index(label) for label in labels])
    digest = hashlib.sha256(
        "\x1f".join(f"{label}\x1e{text}" for text, label in zip(texts, labels, strict=True)).encode()
    )
    return OfflineClassifier(pipeline, digest.hexdigest()[:12])


def _normal(text: str) -> str:
    """Element names made one word, as the class depends on what is done, not on which element it is done to."""
    return _GROUP_NAME.sub("rareearth", _ELEMENT_NAME.sub("rareelement", text))


def _pipeline() -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union
    except ImportError as error:
        raise InputError(
            "the offline classifier needs scikit-learn; install the extra: pip install '.[evidence]'"
        ) from error
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), sublinear_tf=True, min_df=3)
    return make_pipeline(make_union(words, letters), LogisticRegression(C=30.0, max_iter=2000))

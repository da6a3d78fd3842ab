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
from calibration.evidence.patents.records import CLASSES, NO_TEXT, Patent, Verdict
from calibration.evidence.patents.text import (
    NAMES,
    Cleaned,
    clean,
    find_application,
    find_elements,
    sentences,
)
from calibration.evidence.shipped import FOLDER
from calibration.strict_yaml import load
from calibration.tables import Column, read_csv
from calibration.validate import Schema, validate

VERSION = "offline-2"
FILLINGS = 4  # of each template
NO_WORD = "none of its words is known from the labelled texts"
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

    def knows(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether any word of each text (b,) but `the` and its like was learned. Without one the class would say no
        more than how often each was labelled.
        """
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        words = self.pipeline.named_steps["featureunion"].named_transformers["words"]
        telling = [not set(name.split()) <= ENGLISH_STOP_WORDS for name in words.get_feature_names_out()]
        found = words.transform([_normal(text) for text in texts])
        return np.asarray(found[:, np.flatnonzero(telling)].getnnz(axis=1) > 0)

    def classify(self, patents: Sequence[Patent]) -> list[Verdict]:
        """A verdict for every patent; unclassified where there is no text, or no word of it is known. The deciding
        sentence is the one without which the class would lose most.
        """
        if not patents:
            return []
        cleaned = [clean(patent.text) for patent in patents]
        texts = [c.text for c in cleaned]
        known, chances = self.knows(texts), self.probabilities(texts)
        return [
            self._verdict(patent.id, c, bool(knows), chance)
            for patent, c, knows, chance in zip(patents, cleaned, known, chances, strict=True)
        ]

    def _verdict(self, identity: str, read: Cleaned, known: bool, chance: npt.NDArray[np.float64]) -> Verdict:
        if not known:
            reason = NO_WORD if any(c.isalnum() for c in read.text) else NO_TEXT
            return Verdict(
                identity, "unclassified", classifier=self.name, reason=reason, suspicious=read.suspicious
            )
        best = int(chance.argmax())
        return Verdict(
            identity,
            "classified",
            CLASSES[best],
            find_elements(read.text),
            find_application(read.text),
            round(float(chance[best]), 4),
            self._deciding(read.text, best),
            self.name,
            suspicious=read.suspicious,
        )

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
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import FeatureUnion, make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4), sublinear_tf=True, min_df=3)
    return make_pipeline(
        FeatureUnion([("words", words), ("letters", letters)]), LogisticRegression(C=30.0, max_iter=2000)
    )

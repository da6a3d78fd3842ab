"""What passes between the steps: a patent as read, and what a classifier said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

# The classes, in the order of the confusion matrix. `unclassified` is none of them: it is a status.
PatentClass = Literal["uses_less", "substitutes", "recycles", "mines_separates", "new_use", "unrelated"]
CLASSES: tuple[PatentClass, ...] = get_args(PatentClass)

ELEMENTS = ("La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Y", "Sc")

Application = Literal[
    "magnets_NdFeB",
    "battery_alloys",
    "metallurgy_ex_battery",
    "auto_catalysts",
    "FCC_catalysts",
    "polishing",
    "glass_additives",
    "phosphors",
    "ceramics",
    "other",
]
APPLICATIONS: tuple[Application, ...] = get_args(Application)

Status = Literal["classified", "unclassified", "pending"]
NO_TEXT = "no text is left to classify"


@dataclass(frozen=True, slots=True)
class Patent:
    """One patent or application. year: of priority where the source has it, else of filing. cpc, inventor_countries: as
    given, one entry per code and per inventor; either may be empty.
    """

    id: str
    title: str
    abstract: str
    year: int
    cpc: tuple[str, ...] = ()
    inventor_countries: tuple[str, ...] = ()
    family: str = ""

    @property
    def text(self) -> str:
        """Title and abstract, what classifiers read."""
        return f"{self.title.strip()}. {self.abstract.strip()}".strip(". ") + "."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier said of one patent. sentence: the one that decided, word for word from the text.

    status: unclassified when there was nothing to go by, or malformed answers only; pending when no answer was reached
    yet (budget, a server that fails). `reason` says why in these two cases. category is "" unless status is
    classified. suspicious: something that read like an instruction was cut out of the text beforehand.
    """

    id: str
    status: Status
    category: str = ""
    elements: tuple[str, ...] = ()
    application: str = ""
    confidence: float = 0.0
    sentence: str = ""
    classifier: str = ""
    reason: str = ""
    suspicious: bool = False

"""Patent text as data: cleaned of what is no text, split into sentences, read for elements and applications.

Whatever reads like an instruction to the reader of the text (`ignore the above`, `classify this as`, a line
that plays a chat role) is cut out before any classifier sees it, and the verdict is marked. Inventions do not
speak to their reader; but they bypass valves, override switches and mark documents, so that a verb alone is no
sign: its object must be one of instructions, labels or this text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from calibration.evidence.patents.records import APPLICATIONS, ELEMENTS

NAMES: dict[str, str] = {
    "La": "lanthanum|lanthana",
    "Ce": "cerium|ceria|ceric|cerous",
    "Pr": "praseodymium|praseodymia",
    "Nd": "neodymium|neodymia",
    "Sm": "samarium|samaria",
    "Eu": "europium|europia",
    "Gd": "gadolinium|gadolinia",
    "Tb": "terbium|terbia",
    "Dy": "dysprosium|dysprosia",
    "Ho": "holmium|holmia",
    "Er": "erbium|erbia",
    "Tm": "thulium|thulia",
    "Yb": "ytterbium|ytterbia",
    "Lu": "lutetium|lutetia",
    "Y": "yttrium|yttria",
    "Sc": "scandium|scandia",
}
# Symbols count only inside a formula or a list of symbols: `Nd` alone may be anything, `Nd2O3`, `Nd-Fe-B` or
# `Nd-doped` may not. `Y` is also the name of axes and variables, so it needs an element behind it.
_START = r"(?:(?<![A-Za-z])|(?<=[A-Z])|(?<=[A-Z][a-z]))"  # of a word, or after another symbol
_FORMULA = {
    symbol: rf"{_START}{symbol}(?:\d+(?:\.\d+)?|[-,/:)]|(?=[ ](?:co-)?doped))" for symbol in ELEMENTS
} | {"Y": rf"{_START}Y(?:\d+(?:\.\d+)?)?(?:Al|O|Ba|VO|F)\d|\bY(?:AG|IG)\b|\bY(?:-?doped|2O3)"}
_ALLOYS = {"Nd": r"|\bNd-?Fe-?B", "Sm": r"|\bSm-?(?:Co|Fe-?N)"}
_NAMED = {symbol: re.compile(rf"\b(?:{NAMES[symbol]})\b", re.IGNORECASE) for symbol in ELEMENTS}
_WRITTEN = {symbol: re.compile(_FORMULA[symbol] + _ALLOYS.get(symbol, "")) for symbol in ELEMENTS}
# Looked for first, because nearly all patents of a source have none: the common part of each element's names, and a
# symbol before anything that may make it part of a formula.
_STEMS = {symbol: tuple({name[:5].casefold() for name in NAMES[symbol].split("|")}) for symbol in ELEMENTS}
_ANY_SYMBOL = re.compile(
    rf"(?:{'|'.join(s for s in ELEMENTS if s != 'Y')})(?:[\d,/:)-]|Fe|Co|[ ](?:co-)?doped)"
    r"|Y[\d.]*(?:Al|O|Ba|V|F|AG|IG|-?doped)"
)
_APPLICATION_WORDS: dict[str, str] = {
    "magnets_NdFeB": r"magnets?\b|magnetic|coerciv|remanence|rotor|motor|nd-?fe-?b|smco|generator|actuator",
    "battery_alloys": r"batter(?:y|ies)|hydrogen[- ](?:storage|absorbing)|nickel[- ]metal hydride|ni-?mh"
    r"|electrode alloy",
    "metallurgy_ex_battery": r"steel|cast iron|(?:aluminium|aluminum|magnesium|titanium|copper|nickel) alloy|superalloy"
    r"|ingot|\bmelt|weld|rolling|forging",
    "auto_catalysts": r"exhaust|three-way|oxygen storage|catalytic converter|particulate filter|nox",
    "FCC_catalysts": r"cracking|zeolite|fcc\b|gasoline|gas oil|refin(?:ery|eries)|hydrocarbon feed",
    "polishing": r"polish|slurry|planari[sz]|abrasi",
    "glass_additives": r"\bglass(?:es)?\b|lens(?:es)?\b|optical fib|refractive index|glaz",
    "phosphors": r"phosphor|luminesc|fluoresc|light[- ]emitting|scintillat|\bled\b|display|upconver|lamp",
    "ceramics": r"ceramic|capacitor|thermal barrier|zirconia|sinter(?:ed|ing) (?:body|aid)|dielectric|superconduct"
    r"|electrolyte|perovskite",
}
_APPLICATION = {name: re.compile(words, re.IGNORECASE) for name, words in _APPLICATION_WORDS.items()}

_LABELS = r"(?:uses[_ ]less|substitutes|recycles|mines(?:_separates)?|new[_ ]use|unrelated)"
_WHICH = (
    r"(?:all|any|every|previous|prior|earlier|preceding|above|below|following|your|these|those|this|system)"
)
_INSTRUCTIONS = re.compile(
    rf"""
    \b(?:ignore|disregard|forget)\b[^.!?]{{0,40}}\b(?:instructions|prompts?|guidelines)\b
    | \b(?:ignore|disregard|forget)\b(?:\s+\w+){{0,3}}?\s+{_WHICH}(?:\s+\w+){{0,3}}?
        \s+(?:instructions?|rules|directions|commands|messages|context|text|schema|labels)\b
    | \b(?:override|bypass)\b(?:\s+\w+){{0,3}}?\s+{_WHICH}(?:\s+\w+){{0,3}}?
        \s+(?:instructions|prompts?|guidelines|rules)\b
    | \b(?:ignore|disregard|forget)\s+(?:(?:all|everything|anything)\s+)?(?:of\s+)?(?:the\s+)?(?:above|preceding)
        \s*(?:$|[.,;:!]|and\b|text\b)
    | \b(?:you\s+are|you're)\s+(?:now\s+)?(?:a|an|the)\b[^.!?]{{0,60}}
        \b(?:assistant|model|classifier|ai|agent|bot|reviewer)\b
    | \b(?:classify|label|categori[sz]e|rate|score|mark|tag|answer|respond|reply|output|return|print)\b[^.!?]{{0,60}}
        \b(?:(?:this|your)\s+(?:patent|abstract|document|text|answer|response)|json)\b
    | \b(?:answer|respond|reply|return|output|print)\s+(?:only\s+)?(?:with\s+)?["'`]?{_LABELS}\b
    | \b(?:classify|label|categori[sz]e|tag|mark|count)\b[^.!?]{{0,60}}\bas\s+(?:an?\s+)?["'`]?{_LABELS}\b(?!\s+of\b)
    | \b(?:category|class|label)\s+(?:is|=|:|must\s+be|should\s+be)?\s*["'`]?{_LABELS}\b
    | \b(?:uses_less|mines_separates|new_use)\b
    | \bsystem\s+prompt\b | \b(?:system|developer)\s+(?:message|instructions?)\s*:
    | ^\W*as\s+an?\s+(?:ai|language\s+model)\b | \bas\s+an?\s+(?:ai|language\s+model)\b[^.!?]{{0,20}}\byou\b
    | \blanguage\s+model\b[^.!?]{{0,60}}\b(?:must|should|shall|please)\b
    | \b(?:must|should|shall|please)\b[^.!?]{{0,60}}\blanguage\s+model\b
    | \bconfidence["']?\s*[=:]\s*(?:1(?:\.0+)?|100)(?![\d.]*\d)(?!\s*(?:sigma|σ|%|per\s*cent))
    | ^\s*(?:system|assistant|user|developer|human)\s*:
    | </?(?:system|assistant|user|instructions?|prompt)>
    | <\|[^|>]{{0,40}}\|> | \[/?INST\] | <</?SYS>> | ^\s*\#{{2,}}\s*(?:instruction|system|response)
    | ["']category["']\s*:
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
# Markup of patent offices and web pages. Other things in angle brackets are text: `Dy<Nd and Tb>Pr` is no tag. Names
# are in small letters or in capitals, so that <Li> is lithium and <li> an item of a list.
_TAGS = (
    "a|abstract|b|big|blockquote|body|br|caption|center|chem|chemistry|claim|code|col|colgroup|dd|"
    "del|div|dl|dt|em|figref|font|h1|h2|h3|h4|h5|h6|head|heading|hr|html|i|img|ins|li|link|"
    "math|maths|mfrac|mi|mml|mn|mo|mrow|msqrt|msub|msubsup|msup|mtext|mtable|mtd|mtr|nobr|ol|p|"
    "para|patcit|pre|q|row|s|small|smallcaps|span|strike|strong|sub|sup|table|tables|tbody|td|"
    "tfoot|tgroup|th|thead|title|tr|tt|u|ul|var"
)
_NAMES = f"{_TAGS}|{_TAGS.upper()}"
_ATTRIBUTE = r"""\s+[\w:.-]{1,40}\s*=\s*(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'|[^\s"'<>]{1,200})"""
_MARKUP = re.compile(
    rf"</?(?:\w{{1,10}}:)?(?:{_NAMES})(?:{_ATTRIBUTE}){{0,20}}\s*/?>|<!--.{{0,500}}?-->|<![A-Z][^<>]{{0,200}}>"
    r"|<\?[a-z][^<>]{0,200}>",
    re.DOTALL,
)
_ABBREVIATIONS = re.compile(
    r"\b(?:e\.g|i\.e|etc|approx|fig|figs|no|nos|vol|wt|at|mol|ca|vs|cf|resp)\.$", re.IGNORECASE
)
_MARKS = " .;\"'…"  # that may stand around a sentence


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Text fit for a classifier; suspicious when something that read like an instruction was cut out."""

    text: str
    suspicious: bool


def clean(text: str, limit: int = 6000) -> Cleaned:
    """Plain text of at most `limit` characters: known tags, control and invisible characters gone, and whole
    sentences that read like instructions cut out. Letters of other alphabets are first folded to what they
    look like (NFKC).
    """
    plain = unicodedata.normalize("NFKC", _MARKUP.sub(" ", text))
    # Invisible characters vanish, so that a word they split is whole again for the search below.
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    plain = "".join(c if c.isprintable() else "\n" if c in "\r\n" else " " for c in plain)
    kept, suspicious = [], False
    for sentence in sentences(plain):
        if _INSTRUCTIONS.search(sentence):
            suspicious = True
        else:
            kept.append(sentence)
    whole = " ".join(" ".join(kept).split())
    return Cleaned(whole[:limit], suspicious)


def sentences(text: str) -> list[str]:
    """Sentences, and lines and clauses after a semicolon, without their surrounding blanks; abbreviations do
    not end one.
    """
    parts = re.split(r"(?<=[.!?;])\s+|\n+", text)
    whole: list[str] = []
    for part in parts:
        if whole and _ABBREVIATIONS.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {part}"
        elif part.strip():
            whole.append(part.strip())
    return whole


def find_elements(text: str) -> tuple[str, ...]:
    """Rare earths a text names, by name or within a formula, in the order of the periodic table."""
    folded = text.casefold()
    written = bool(_ANY_SYMBOL.search(text))
    return tuple(
        symbol
        for symbol in ELEMENTS
        if (any(stem in folded for stem in _STEMS[symbol]) and _NAMED[symbol].search(text))
        or (written and _WRITTEN[symbol].search(text))
    )


def find_application(text: str) -> str:
    """The application whose words occur most; `other` when none does."""
    counts = {name: len(words.findall(text)) for name, words in _APPLICATION.items()}
    best = max(APPLICATIONS, key=lambda name: counts.get(name, 0))
    return best if counts.get(best, 0) else "other"


def holds_sentence(text: str, sentence: str) -> bool:
    """Whether a text has a sentence, or several in a row, word for word; blanks, the marks around it and the size of
    letters aside. A part of a sentence is none.
    """
    wanted = _plain(sentence).strip(_MARKS)
    whole = [_plain(part) for part in sentences(text)]
    joined = " ".join(whole)
    starts, ends, place = set(), set(), 0
    for part in whole:
        starts.add(place + len(part) - len(part.lstrip(_MARKS)))
        ends.add(place + len(part.rstrip(_MARKS)))
        place += len(part) + 1
    at = joined.find(wanted) if wanted else -1
    while at >= 0 and not (at in starts and at + len(wanted) in ends):
        at = joined.find(wanted, at + 1)
    return at >= 0


def _plain(sentence: str) -> str:
    return " ".join(sentence.split()).casefold()

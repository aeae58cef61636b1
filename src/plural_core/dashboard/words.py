"""The dashboard's words in English and German, and numbers the way each language writes them."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd
import yaml

LANGUAGES = {"en": "English", "de": "Deutsch"}
NOTHING = "–"


@functools.cache
def texts(language: str) -> dict[str, str]:
    """Return all texts of a language by dotted key, such as ``effects.title``."""
    source = files("plural_core.dashboard").joinpath("texts", f"{language}.yaml").read_text(encoding="utf-8")
    return dict(_flat(yaml.safe_load(source)))


def _flat(tree: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", str(value)))
    return found


def language_of(asked: str | None, browser: str | None = None) -> str:
    """Return the language to speak: the one asked for, else the browser's, else English."""
    for name in (asked, (browser or "")[:2].lower()):
        if name in LANGUAGES:
            return str(name)
    return "en"


@dataclass(frozen=True)
class Words:
    """One language.

    Parameters
    ----------
    language : {'en', 'de'}
        Which.
    """

    language: str = "en"

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its placeholders filled in.

        Raises
        ------
        KeyError
            There is no such text.
        """
        text = texts(self.language)[key]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Return whether there is such a text."""
        return key in texts(self.language)

    def named(self, key: str, otherwise: str) -> str:
        """Return a text, or `otherwise` where there is none: for names that tables may add to."""
        return texts(self.language).get(key, otherwise)

    def term(self, name: str) -> str:
        """Return the definition of a term."""
        return self(f"terms.{name}")

    def number(self, value: object, digits: int = 2) -> str:
        """Return a number with a fixed number of decimals; a dash where it is missing."""
        x = _float(value)
        if x is None:
            return NOTHING
        if math.isinf(x):
            return "∞" if x > 0 else "−∞"
        text = f"{x:,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.removeprefix("-")
        return self._local(text)

    def signed(self, value: object, digits: int = 2) -> str:
        """Return a number with its sign, + included."""
        text = self.number(value, digits)
        x = _float(value)
        return text if x is None or x <= 0 or not re.search("[1-9]", text) else f"+{text}"

    def count(self, value: object) -> str:
        """Return a whole number."""
        return self.number(value, 0)

    def percent(self, value: object, digits: int = 1) -> str:
        """Return a share (0 to 1) in percent."""
        x = _float(value)
        return NOTHING if x is None else f"{self.number(100 * x, digits)}{self._percent_sign}"

    def change(self, value: object, digits: int = 0) -> str:
        """Return a change that is already in percent, with its sign."""
        x = _float(value)
        return NOTHING if x is None else f"{self.signed(x, digits)}{self._percent_sign}"

    def p(self, value: object) -> str:
        """Return a p-value: three decimals, or that it is smaller."""
        x = _float(value)
        if x is None:
            return NOTHING
        return f"< {self.number(0.001, 3)}" if x < 0.001 else self.number(x, 3)

    def span(self, low: str, high: str) -> str:
        """Return an interval of two written numbers."""
        return NOTHING if NOTHING in (low, high) else self("format.span", low=low, high=high)

    def localised(self, text: str) -> str:
        """Return a text made in English with its numbers written as this language writes them."""
        if self.language == "en":
            return text
        swapped = re.sub(r"\d[\d,]*\.?\d*", lambda found: found[0].translate(_SWAP), text)
        swapped = re.sub(r"(?<=\d)%", "\u00a0%", swapped)  # a no-break space, as German asks for
        return re.sub(r"(?<=[\d%]) to (?=[−\d-])", " bis ", swapped)

    def note(self, text: object) -> str:
        """Return a table's note in this language, where it is one of those known."""
        note = "" if text is None or (isinstance(text, float) and math.isnan(text)) else str(text)
        if self.language == "en" or not note:
            return note
        for key in _NOTES:
            found = re.fullmatch(
                texts("en")[f"notes.{key}"].replace("{n}", r"(?P<n>\d+)").replace("{of}", r"(?P<of>\d+)"), note
            )
            if found:
                return self(f"notes.{key}", **found.groupdict())
        return note

    @property
    def separators(self) -> str:
        """Decimal and thousands mark, as plotly wants them."""
        return ",." if self.language == "de" else ".,"

    @property
    def _percent_sign(self) -> str:
        return "\u00a0%" if self.language == "de" else "%"

    def _local(self, text: str) -> str:
        text = text.translate(_SWAP) if self.language == "de" else text
        return text.replace("-", "−")


_SWAP = str.maketrans({",": ".", ".": ","})
_NOTES = (
    "few_participants",
    "few_common",
    "no_pairs",
    "all_equal",
    "no_common",
    "few_within",
    "mean_over",
    "not_estimable",
)


def _float(value: object) -> float | None:
    if value is None or value is pd.NA:
        return None
    try:
        x = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return None if math.isnan(x) else x

"""Both languages say everything, with the same placeholders; numbers look as each language writes them."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.dashboard.words import LANGUAGES, Words, language_of, texts

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def test_every_text_is_there_in_both_languages_with_the_same_placeholders() -> None:
    english = texts("en")
    for language in LANGUAGES:
        theirs = texts(language)
        assert set(theirs) == set(english), language
        for key, text in english.items():
            assert text, key
            assert set(PLACEHOLDER.findall(theirs[key])) == set(PLACEHOLDER.findall(text)), (language, key)


def test_german_is_german() -> None:
    english, german = texts("en"), texts("de")
    long = [k for k, text in english.items() if len(text) > 40]
    same = [k for k in long if german[k] == english[k]]
    assert not same


def keys_in_code(root: Path) -> set[str]:
    """Keys that stand as literals in calls ``w("…")`` and ``words("…")``."""
    found: set[str] = set()
    for folder in (root / "dashboard", root / "src" / "plural_core" / "dashboard"):
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if name in ("w", "words") and isinstance(node.args[0].value, str):
                        found.add(node.args[0].value)
    return found


def test_every_key_in_the_code_is_a_text(root: Path) -> None:
    keys = keys_in_code(root)
    assert len(keys) > 100
    assert not {k for k in keys if k not in texts("en")}


def test_every_term_has_a_name_and_a_definition(root: Path) -> None:
    names = {k.removeprefix("names.") for k in texts("en") if k.startswith("names.")}
    terms = {k.removeprefix("terms.") for k in texts("en") if k.startswith("terms.")}
    assert names == terms
    used = set()
    for path in (root / "src" / "plural_core" / "dashboard" / "views").glob("*.py"):
        code = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'term="(\w+)"', code))
    assert used <= terms


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["1,234", "1,234.50", "−0.30", "+0.25", "0.00", "12.3%", "−18%", "+5%", "< 0.001", "0.040", "–"]),
        (
            "de",
            [
                "1.234",
                "1.234,50",
                "−0,30",
                "+0,25",
                "0,00",
                "12,3\u00a0%",
                "−18\u00a0%",
                "+5\u00a0%",
                "< 0,001",
                "0,040",
                "–",
            ],
        ),
    ],
)
def test_numbers(language: str, expected: list[str]) -> None:
    w = Words(language)
    written = [
        w.count(1234), w.number(1234.5), w.number(-0.3), w.signed(0.25), w.number(-0.0001), w.percent(0.123),
        w.change(-18.2), w.change(4.9), w.p(1e-5), w.p(0.04), w.number(None),
    ]  # fmt: skip
    assert written == expected


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, float("nan")])
def test_what_is_missing_is_a_dash(missing: object) -> None:
    w = Words("de")
    assert {
        w.number(missing),
        w.percent(missing),
        w.count(missing),
        w.p(missing),
        w.change(missing),
        w.signed(missing),
    } == {"–"}
    assert w.span(w.number(missing), w.number(1)) == "–"


def test_infinity_and_spans() -> None:
    assert Words("en").number(math.inf) == "∞"
    assert Words("en").number(-math.inf) == "−∞"
    assert Words("en").span("1", "2") == "1 to 2"
    assert Words("de").span("1", "2") == "1 bis 2"


def test_texts_made_in_english_get_german_numbers() -> None:
    w = Words("de")
    assert w.localised("0.123 (−0.05 to 0.30)") == "0,123 (−0,05 bis 0,30)"
    assert w.localised("1,095 people, 12.5%") == "1.095 people, 12,5\u00a0%"
    assert w.localised("18-30 vs over 60") == "18-30 vs over 60"
    assert Words("en").localised("0.1 to 0.2") == "0.1 to 0.2"


def test_notes_of_tables_are_translated() -> None:
    w = Words("de")
    assert w.note("not shown: fewer than 10 participants") == texts("de")["notes.few_participants"].format(n="10")
    assert w.note("mean over 3 of 5 dimensions") == texts("de")["notes.mean_over"].format(n="3", of="5")
    assert w.note("something else") == "something else"
    assert w.note(np.nan) == ""
    assert Words("en").note("not comparable: no common items") == "not comparable: no common items"


def test_known_notes_are_those_that_the_analyses_write() -> None:
    from plural_core.agreement import between, notes

    english = texts("en")
    known = {english[k] for k in english if k.startswith("notes.")}
    assert {notes.NO_PAIRS, notes.ALL_EQUAL, notes.NO_COMMON} <= known
    assert english["notes.few_within"].format(n=between.MIN_OWN_ITEMS) == between.FEW_WITHIN


@pytest.mark.parametrize(
    ("asked", "browser", "expected"),
    [("de", "en-US", "de"), (None, "de-AT", "de"), (None, "fr-FR", "en"), ("xx", None, "en"), ("en", "de", "en")],
)
def test_language(asked: str | None, browser: str | None, expected: str) -> None:
    assert language_of(asked, browser) == expected

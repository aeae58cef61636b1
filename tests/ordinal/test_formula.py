"""Formulas: what is understood, and what is said about the rest."""

import pytest

from plural_core.ordinal.errors import FormulaError
from plural_core.ordinal.formula import parse_formula


def test_parts() -> None:
    parsed = parse_formula("rating ~ a * b + log(x + 1) + (1 | person) + (1|item) - z")
    assert parsed.response == "rating"
    assert parsed.fixed == "1 + a * b + log(x + 1) - z"
    assert [term.name for term in parsed.random] == ["person", "item"]


def test_nesting_as_r_names_it() -> None:
    parsed = parse_formula("y ~ 1 + (1 | school/class/seat)")
    assert [t.name for t in parsed.random] == ["seat:class:school", "class:school", "school"]
    assert parsed.random[0].columns == ("seat", "class", "school")
    assert parse_formula("y ~ (1 | a:b)").random[0].name == "a:b"


def test_no_fixed_part_no_random_part_no_intercept() -> None:
    assert parse_formula("y ~ (1 | g)").fixed == "1"
    assert parse_formula("y ~ 1").random == ()
    for text in ("y ~ 0 + x", "y ~ x - 1"):
        parsed = parse_formula(text)
        assert parsed.no_intercept
        assert parsed.fixed == "1 + x"


def test_powers_and_quoted_names() -> None:
    assert parse_formula("y ~ I(x^2)").fixed == "1 + I(x**2)"
    parsed = parse_formula("`my rating` ~ `my x` + (1 | `rater - id`)")
    assert parsed.response == "my rating"
    assert parsed.random[0].columns == ("rater - id",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rating", "exactly one '~'"),
        ("a ~ b ~ c", "exactly one '~'"),
        ("~ x", "exactly one '~'"),
        ("y ~", "nothing on its right side"),
        ("y ~ x +", r"ends with '\+'"),
        ("y ~ x + + z", "two operators"),
        ("y ~ (x", "does not close"),
        ("y ~ x)", "did not open"),
        ("y ~ (x | g)", r"only random intercepts.*\(1 \| g\)"),
        ("y ~ (1 + x | g)", "only random intercepts"),
        ("y ~ (1 || g)", "only intercepts"),
        ("y ~ 1 | g", "in parentheses"),
        ("y ~ (1 | g + h)", "the group must be"),
        ("y ~ (1 | g) + (1 | g)", "twice"),
        ("y ~ x - (1 | g)", "subtracts"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        parse_formula(text)


def test_not_a_string() -> None:
    with pytest.raises(FormulaError, match="must be a string"):
        parse_formula(3)  # type: ignore[arg-type]

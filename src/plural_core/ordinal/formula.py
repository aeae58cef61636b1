"""Parsing of mixed-model formulas: ``rating ~ a * b + x + (1 | participant) + (1 | school/class)``.

The fixed part goes to `formulaic`; the random part is read here. Only random intercepts exist.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from plural_core.ordinal.errors import FormulaError

_NAME = r"(?:[A-Za-z_][\w.]*|`[^`]+`)"
_GROUP = re.compile(rf"^\s*{_NAME}(?:\s*[/:]\s*{_NAME})*\s*$")


@dataclass(frozen=True)
class RandomTerm:
    """One random intercept: its name as R prints it and the columns that define its groups."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ParsedFormula:
    """A formula in its parts.

    `fixed` is what `formulaic` reads (always with an intercept, which the thresholds absorb);
    `no_intercept` tells that the user tried to remove it.
    """

    text: str
    response: str
    fixed: str
    random: tuple[RandomTerm, ...]
    no_intercept: bool


def parse_formula(text: str) -> ParsedFormula:
    """Parse a formula.

    Raises
    ------
    FormulaError
        With the offending piece: no or more than one ``~``, unbalanced parentheses, random slopes, ``||``.
    """
    if not isinstance(text, str):
        raise FormulaError(f"formula must be a string like 'rating ~ x + (1 | group)', not {type(text).__name__}")
    sides = text.split("~")
    if len(sides) != 2 or not sides[0].strip():
        raise FormulaError(
            f"formula '{text}' needs exactly one '~' with the response on its left, as in 'rating ~ x + (1 | group)'"
        )
    response = sides[0].strip().strip("`")
    random: list[RandomTerm] = []
    fixed: list[str] = []
    no_intercept = False
    for sign, piece in _top_level_terms(sides[1], text):
        inner = piece[1:-1] if piece.startswith("(") and piece.endswith(")") else piece
        if "|" in _without_quotes(inner):
            if sign == "-":
                raise FormulaError(f"formula '{text}' subtracts the random term '{piece}'; leave it out instead")
            if inner is piece:
                raise FormulaError(f"write the random term '{piece}' in parentheses: '({piece})'")
            random.extend(_random_terms(inner, text))
        elif (sign, piece) in {("+", "0"), ("-", "1")}:
            no_intercept = True
        elif piece == "1":
            continue
        else:
            fixed.append(f"{sign} {piece}" if fixed or sign == "-" else piece)
    names = [term.name for term in random]
    for name in names:
        if names.count(name) > 1:
            raise FormulaError(f"formula '{text}' has the random term '(1 | {name})' twice")
    body = " ".join(fixed)
    joined = "1" if not body else (f"1 {body}" if body.startswith("-") else f"1 + {body}")
    # R writes powers as x^2 inside I(); Python writes x**2.
    return ParsedFormula(text, response, joined.replace("^", "**"), tuple(random), no_intercept)


def _top_level_terms(side: str, text: str) -> list[tuple[str, str]]:
    """Split at + and - outside parentheses; returns (sign, piece) pairs."""
    pieces: list[tuple[str, str]] = []
    depth, sign, current, quoted = 0, "+", "", False
    for char in side:
        if char == "`":
            quoted = not quoted
        depth += (char in "([{") - (char in ")]}") if not quoted else 0
        if depth < 0:
            raise FormulaError(f"formula '{text}' closes a parenthesis that it did not open")
        if char in "+-" and depth == 0 and not quoted:
            if current.strip():
                pieces.append((sign, current.strip()))
            elif pieces and char == "+":
                raise FormulaError(f"formula '{text}' has two operators in a row")
            sign, current = char, ""
        else:
            current += char
    if depth:
        raise FormulaError(f"formula '{text}' does not close a parenthesis")
    if current.strip():
        pieces.append((sign, current.strip()))
    elif not pieces:
        raise FormulaError(f"formula '{text}' has nothing on its right side; write '~ 1' for no effects")
    else:
        raise FormulaError(f"formula '{text}' ends with '{sign}'")
    return pieces


def _without_quotes(piece: str) -> str:
    return re.sub(r"`[^`]*`", "", piece)


def _random_terms(inner: str, text: str) -> list[RandomTerm]:
    if "||" in inner:
        raise FormulaError(f"'({inner})' in '{text}': '||' is for random slopes; only intercepts (1 | group) exist")
    left, _, right = inner.partition("|")
    if left.strip() != "1":
        raise FormulaError(
            f"'({inner})' in '{text}': only random intercepts are possible; write '(1 | {right.strip()})'"
        )
    if not _GROUP.match(right):
        raise FormulaError(
            f"'({inner})' in '{text}': the group must be a column, 'a:b' or 'a/b', not '{right.strip()}'"
        )
    nested = [part.strip() for part in right.split("/")]
    terms: list[RandomTerm] = []
    for depth in range(len(nested), 0, -1):
        # As R: a/b gives b:a and a.
        columns = tuple(name.strip().strip("`") for part in reversed(nested[:depth]) for name in part.split(":"))
        terms.append(RandomTerm(":".join(columns), columns))
    return terms


def expression_names(expression: str, text: str) -> set[str]:
    """Data columns in a Python expression of a formula: all names that are not functions or modules.

    Raises
    ------
    FormulaError
        If it is not an expression.
    """
    quoted = re.findall(r"`([^`]+)`", expression)
    plain = re.sub(r"`[^`]+`", "_quoted_", expression)
    try:
        tree = ast.parse(plain, mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"formula '{text}': '{expression}' is not an expression ({error.msg})") from error
    functions: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            functions.update(id(part) for part in ast.walk(node.func) if isinstance(part, ast.Name))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions}
    return (names - {"_quoted_"}) | set(quoted)

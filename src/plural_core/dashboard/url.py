"""Filters in the address: what a link asks for, checked against what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

YES, NO = "1", "0"


def one_of(asked: str | None, options: Sequence[str], default: str | None = None) -> str | None:
    """Return the option asked for, or the default (else the first) where there is no such option."""
    if asked in options:
        return asked
    return default if default in options else next(iter(options), None)


def some_of(asked: Sequence[str], options: Sequence[str], default: Iterable[str] | None = None) -> list[str]:
    """Return those asked for that exist, in the options' order; the default (else all) where none does."""
    found = [o for o in options if o in asked]
    if found:
        return found
    wanted = list(options) if default is None else list(default)
    return [o for o in options if o in wanted]


def is_on(asked: str | None, default: bool = False) -> bool:
    """Return whether a switch is on."""
    return default if asked not in (YES, NO) else asked == YES


def link(base: str, parameters: Mapping[str, str | Sequence[str]]) -> str:
    """Return an address with its parameters replaced; empty ones are left out."""
    scheme, host, path, _, _ = urlsplit(base)
    given = [(k, v) for k, v in parameters.items() if v not in ("", [], None)]
    return urlunsplit((scheme, host, path, urlencode(given, doseq=True), ""))

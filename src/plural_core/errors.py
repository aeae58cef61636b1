"""Errors that a user can cause: one clear line each (what, where, what to do)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PluralError(Exception):
    """Base of every error whose message is meant for a person; the command line prints it as one line."""


class ConfigError(PluralError):
    """A study config that cannot be used: unknown key, wrong type, unknown level."""


class DataError(PluralError):
    """Input data that cannot be used; the message names file, row, column and value where there is one."""


class PrivacyError(PluralError):
    """A request that would show fewer than k people."""


class WorkflowError(PluralError):
    """A step of the workflow that cannot start or did not finish."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known name most like `name`, or an empty string.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What would have been understood.
    """
    options = {str(k).lower(): str(k) for k in known}
    match = difflib.get_close_matches(str(name).lower(), list(options), n=1, cutoff=0.5)
    return f" Did you mean '{options[match[0]]}'?" if match else ""


def listing(values: Iterable[object], most: int = 8) -> str:
    """Join values for a message, cut after `most` of them."""
    items = [str(v) for v in values]
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"

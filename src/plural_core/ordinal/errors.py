"""Errors and warnings of the ordinal package. It stands alone, so it does not use those of plural_core."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OrdinalError(ValueError):
    """Base of every error that a caller can cause: one line that says what, where and what to do."""


class FormulaError(OrdinalError):
    """A formula that cannot be parsed, or that names something the data do not have."""


class ModelDataError(OrdinalError):
    """Data that cannot be modelled: response not ordered, infinite values, negative weights, one category."""


class DesignTooLargeError(OrdinalError):
    """A design whose random effects are too entangled for the memory of this machine."""


class InferenceError(OrdinalError):
    """A question that this fit cannot answer: a level that is not estimable, an unknown factor."""


class FitWarning(UserWarning):
    """Something the reader of a fit has to know: not converged, separation, dropped columns."""


def check_level(level: float) -> float:
    """Return `level`, the coverage of an interval; raise unless it lies between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise InferenceError(f"level is the coverage of an interval, between 0 and 1 (0.95, say), not {level}")
    return level


def nearest(name: object, known: Iterable[object]) -> str:
    """Return `` Did you mean 'x'?`` for the known name most like `name`, or an empty string."""
    options = {str(k).lower(): str(k) for k in known}
    match = difflib.get_close_matches(str(name).lower(), list(options), n=1, cutoff=0.5)
    return f" Did you mean '{options[match[0]]}'?" if match else ""


def listing(values: Iterable[object], most: int = 8) -> str:
    """Join values for a message, cut after `most` of them."""
    items = [str(v) for v in values]
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"

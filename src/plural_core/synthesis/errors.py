"""Error of the synthesis package. It stands alone, so it does not use those of plural_core."""

from __future__ import annotations


class SynthesisError(ValueError):
    """Anything a caller can cause: one line that says what, where and what to do."""

"""The model as arrays: what the numerics see, and all they see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from plural_core.ordinal.links import Link

Array = np.ndarray


@dataclass(frozen=True)
class ModelArrays:
    """A cumulative link mixed model without names.

    The probability of a rating is F(upper) - F(lower) with upper = B1 gamma - b and lower = B2 gamma - b,
    where gamma stacks threshold parameters and fixed effects and b is the sum of the random intercepts.

    Attributes
    ----------
    b1, b2 : ndarray, shape (n, p)
        Design of the upper and the lower end.
    top, bottom : ndarray of bool, shape (n,)
        Whether the upper end is +infinity, the lower end -infinity.
    weights : ndarray, shape (n,)
        Case weights, >= 0.
    index : tuple of ndarray of int, each shape (n,)
        Level of each random term for each rating.
    n_levels : tuple of int
        Levels of each random term.
    link : Link
        The link.
    precision : ndarray, shape (p,)
        Prior precisions of gamma (zero: no penalty).
    """

    b1: Array
    b2: Array
    top: Array
    bottom: Array
    weights: Array
    index: tuple[Array, ...]
    n_levels: tuple[int, ...]
    link: Link
    precision: Array

    @property
    def n_fixed(self) -> int:
        """Number of threshold parameters and fixed effects."""
        return int(self.b1.shape[1])

    @property
    def n_terms(self) -> int:
        """Number of random terms."""
        return len(self.index)

    def fixed_ends(self, gamma: Array) -> tuple[Array, Array]:
        """Upper and lower end of each rating's interval before random effects."""
        return self.b1 @ gamma, self.b2 @ gamma

    def close(self, upper: Array, lower: Array) -> tuple[Array, Array]:
        """Put the ends of the scale in place, in the arrays given."""
        upper[self.top] = self.link.end
        lower[self.bottom] = -self.link.end
        return upper, lower

    def with_columns(self, keep: Array) -> ModelArrays:
        """The model with a subset of the columns of gamma."""
        return replace(self, b1=self.b1[:, keep], b2=self.b2[:, keep], precision=self.precision[keep])

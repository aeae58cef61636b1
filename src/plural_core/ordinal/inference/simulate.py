"""Responses drawn from a fitted model, and frames that hold them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from plural_core.ordinal.design import ModelFrame

if TYPE_CHECKING:
    from plural_core.ordinal.assemble import Specification
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray


def draw(
    spec: Specification, frame: ModelFrame, gamma: Array, sigma: Array, rng: np.random.Generator,
    known: Array | None = None,
) -> Array:  # fmt: skip
    """One response code per row; new random effects unless `known` gives their sum per row."""
    shift = np.zeros(len(frame.x)) if known is None else known
    if known is None:
        for sd, group in zip(sigma, frame.groups, strict=True):
            shift = shift + sd * rng.standard_normal(len(group.levels))[group.codes]
    u = rng.random(len(frame.x))
    y = np.zeros(len(frame.x), dtype=np.int64)
    for j in range(len(spec.jacobian)):
        cut = np.clip(spec.cut_design(frame.x, j) @ gamma - shift, -spec.link.end, spec.link.end)
        y += u > spec.link.cdf(cut)
    return y


def with_response(frame: ModelFrame, y: Array, levels: tuple[object, ...]) -> ModelFrame:
    """The frame with another response; levels that did not occur are left out."""
    seen = np.unique(y)
    return replace(frame, y=np.searchsorted(seen, y), levels=tuple(levels[k] for k in seen))


def simulate(result: CLMMResult, n: int, rng: np.random.Generator, *, new_random: bool) -> list[Array]:
    """`n` arrays of response codes."""
    known = None
    if not new_random and len(result.sigma):
        likelihood = result.solution.likelihood
        known = likelihood.joint.spread(result.sigma, result.solution.u)  # type: ignore[union-attr]
    return [draw(result.spec, result.frame, result.gamma, result.sigma, rng, known) for _ in range(n)]

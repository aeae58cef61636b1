"""From a model frame to arrays: the two design matrices of interval ends, and the names of gamma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.design import ModelFrame
from plural_core.ordinal.links import Link
from plural_core.ordinal.thresholds import threshold_jacobian, threshold_names


@dataclass(frozen=True)
class Specification:
    """What turns parameters into interval ends.

    gamma = (threshold parameters, threshold-specific effects, effects). The cut points of a rating with
    covariate row x and nominal row m are J alpha + sum_c m_c J nu_c - x beta.

    Attributes
    ----------
    jacobian : ndarray, shape (J - 1, a)
        Thresholds from threshold parameters.
    alpha_names, nominal_names, beta_names : tuple of str
        Names of the three parts of gamma.
    nominal : ndarray of int
        Columns of the model matrix with threshold-specific effects.
    shifting : ndarray of int
        Columns with one effect each.
    """

    link: Link
    structure: str
    levels: tuple[object, ...]
    jacobian: np.ndarray
    alpha_names: tuple[str, ...]
    nominal_names: tuple[str, ...]
    beta_names: tuple[str, ...]
    nominal: np.ndarray
    shifting: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all of gamma."""
        return self.alpha_names + self.nominal_names + self.beta_names

    @property
    def n_alpha(self) -> int:
        """Number of threshold parameters, threshold-specific effects included."""
        return len(self.alpha_names) + len(self.nominal_names)

    @property
    def threshold_labels(self) -> list[str]:
        """``1|2`` and so on, whatever the structure."""
        return threshold_names(self.levels)

    def cut_design(self, x: np.ndarray, j: int) -> np.ndarray:
        """Rows A with A gamma = theta_j - eta, for all rows of the full model matrix `x` at threshold `j`."""
        row = self.jacobian[j]
        parts = [np.broadcast_to(row, (len(x), len(row)))]
        parts += [x[:, [c]] * row for c in self.nominal]
        parts.append(-x[:, self.shifting])
        return np.hstack(parts)


def specify(
    link: Link, structure: str, levels: tuple[object, ...], names: tuple[str, ...], nominal: list[int]
) -> Specification:
    """Build the specification for model-matrix columns `names`, those at `nominal` threshold-specific."""
    jacobian, alpha_names = threshold_jacobian(levels, structure)
    shifting = [j for j in range(len(names)) if j not in nominal]
    return Specification(
        link,
        structure,
        levels,
        jacobian,
        tuple(alpha_names),
        tuple(f"{a}.{names[j]}" for j in nominal for a in alpha_names),
        tuple(names[j] for j in shifting),
        np.array(nominal, dtype=np.int64),
        np.array(shifting, dtype=np.int64),
    )


def build_arrays(
    spec: Specification,
    x: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    index: tuple[np.ndarray, ...],
    n_levels: tuple[int, ...],
    precision: np.ndarray | None = None,
) -> ModelArrays:
    """Arrays of the model for responses `y` (codes from 0) and the full model matrix `x`."""
    n_cuts = len(spec.jacobian)
    # One row per cut point; the ends of the scale have none, their rows are zero and overwritten later.
    padded = np.vstack([np.zeros((1, spec.jacobian.shape[1])), spec.jacobian])
    lower = padded[y]
    upper = np.vstack([spec.jacobian, np.zeros((1, spec.jacobian.shape[1]))])[y]
    shift = -x[:, spec.shifting]
    b1 = np.hstack([upper, *(x[:, [c]] * upper for c in spec.nominal), shift])
    b2 = np.hstack([lower, *(x[:, [c]] * lower for c in spec.nominal), shift])
    return ModelArrays(
        b1,
        b2,
        y == n_cuts,
        y == 0,
        np.asarray(weights, dtype=float),
        index,
        n_levels,
        spec.link,
        np.zeros(b1.shape[1]) if precision is None else precision,
    )


def frame_arrays(spec: Specification, frame: ModelFrame, precision: np.ndarray | None = None) -> ModelArrays:
    """Arrays of the model on the data of a frame."""
    return build_arrays(
        spec,
        frame.x,
        frame.y,
        frame.weights,
        tuple(group.codes for group in frame.groups),
        tuple(len(group.levels) for group in frame.groups),
        precision,
    )

"""The weak penalty: independent normal priors on the effects, none on thresholds or variances."""

from __future__ import annotations

import numpy as np

from plural_core.ordinal.assemble import Specification
from plural_core.ordinal.design import ModelFrame
from plural_core.ordinal.errors import OrdinalError

WEAK = 2.5


def prior_precision(spec: Specification, frame: ModelFrame, penalty: str | float | None) -> np.ndarray:
    """Prior precision of every entry of gamma.

    The prior standard deviation of an effect is `WEAK` latent standard deviations (4.5 log odds for the
    logit) per unit of a 0/1 column, and per standard deviation of any other column: wide enough to leave
    estimated effects alone, narrow enough to keep a separated one finite. Threshold-specific effects count
    as effects.
    """
    out = np.zeros(len(spec.names))
    if penalty is None:
        return out
    if penalty == "weak":
        width = WEAK
    elif isinstance(penalty, int | float) and not isinstance(penalty, bool) and penalty > 0:
        width = float(penalty)
    else:
        raise OrdinalError(f"penalty must be None, 'weak' or a positive number, not {penalty!r}")
    scale = np.ones(frame.x.shape[1])
    for j in range(frame.x.shape[1]):
        column = frame.x[:, j]
        if not np.isin(column, (0.0, 1.0)).all():
            scale[j] = float(column.std()) or 1.0
    precision = (scale / (width * spec.link.sd)) ** 2
    n_alpha = len(spec.alpha_names)
    out[n_alpha : spec.n_alpha] = np.repeat(precision[spec.nominal], n_alpha)
    out[spec.n_alpha :] = precision[spec.shifting]
    return out

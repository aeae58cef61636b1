"""Named random streams: each part of a simulation has its own, so changing one leaves the others as they were."""

from __future__ import annotations

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of the stream `names` under `seed`; the same arguments give the same numbers.

    Parameters
    ----------
    seed : int
        Seed of the study, not negative.
    *names : str
        Path of the stream, for example ``"population", "US", "gender"``.
    """
    path = "/".join(names).encode()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, len(path), *path])))

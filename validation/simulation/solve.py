"""How centres, gains and thresholds of the simulated world were found: ``python validation/simulation/solve.py``.

Centres are the mean strengths of generated texts. A gain makes text and item effect together as variable as asked
(`ITEM_SD`). Thresholds give the rating shares asked for (`SHARES`), averaged over people, texts and effects. What the
page of targets fixes is the disagreement, one alpha and two conditional shares; `SHARES` and `ITEM_SD` were moved by
hand until `calibrate.py` hit the targets in their centre. Seeds here (1001...) are not those that `calibrate.py` uses.
"""

from __future__ import annotations

import numpy as np
import yaml
from measures import config
from scipy.optimize import brentq
from scipy.special import expit

from plural_core.simulation.material import draw_material
from plural_core.simulation.phrases import dimensions
from plural_core.simulation.population import draw_population
from plural_core.simulation.world import build_world

SEEDS = range(1001, 1009)
ITEM_SD = {
    "toxicity": 1.53,
    "emotional_awareness": 1.47,
    "sensitivity": 1.5,
    "helpfulness": 1.35,
    "stereotypical_bias": 1.5,
}
SHARES = {
    "toxicity": (0.275, 0.255, 0.185, 0.185, 0.10),
    "emotional_awareness": (0.25, 0.21, 0.16, 0.22, 0.16),
    "sensitivity": (0.24, 0.22, 0.15, 0.24, 0.15),
    "helpfulness": (0.21, 0.20, 0.18, 0.24, 0.17),
    "stereotypical_bias": (0.25, 0.22, 0.15, 0.22, 0.16),
}


def main() -> None:
    """Print `gains`, `centres` and `thresholds` as they stand in the world's YAML."""
    settings = config(1)
    world = build_world(settings)
    strength = np.vstack([draw_material(config(seed)).strength() for seed in SEEDS])
    people = draw_population(settings)
    rng = np.random.default_rng(12345)
    rater = rng.integers(len(people), size=len(strength))
    found: dict[str, dict[str, object]] = {"gains": {}, "centres": {}, "thresholds": {}}
    for column, name in enumerate(dimensions()):
        part = world.dimensions[name]
        centre = float(strength[:, column].mean())
        gain = float(np.sqrt(ITEM_SD[name] ** 2 - world.item_sd**2) / strength[:, column].std())
        noise = np.hypot(world.rater_sd, world.item_sd) * rng.standard_normal(len(strength))
        eta = (
            part.slope_of(people)[rater] * gain * (strength[:, column] - centre) + part.shift_of(people)[rater] + noise
        )
        below = np.cumsum(SHARES[name])[:-1]
        thresholds = [brentq(lambda t, e=eta, b=b: expit(t - e).mean() - b, -12, 12) for b in below]
        found["gains"][name] = round(gain, 2)
        found["centres"][name] = round(centre, 3)
        found["thresholds"][name] = [round(float(t), 2) for t in thresholds]
    print(yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=110))


if __name__ == "__main__":
    main()

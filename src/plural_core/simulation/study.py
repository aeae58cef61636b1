"""A simulated study: the same three tables as a real one, and the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.tables import RatingTables
from plural_core.simulation import truth as tables_of_truth
from plural_core.simulation.bank import LANGUAGE_OF_COUNTRY
from plural_core.simulation.design import MIN_RATERS, IntArray, assign
from plural_core.simulation.material import Material, draw_material
from plural_core.simulation.population import draw_population, stated
from plural_core.simulation.ratings import draw_effects, draw_ratings
from plural_core.simulation.streams import stream
from plural_core.simulation.world import World, build_world
from plural_core.study import StudyConfig


@dataclass(frozen=True)
class SimulatedStudy:
    """What a simulation makes.

    Parameters
    ----------
    tables : RatingTables
        The three tables, checked.
    log : IngestLog
        What was simulated.
    truth : dict of str to DataFrame
        Table name to table: see `plural_core.simulation.truth.TRUTH_TABLES`.
    """

    tables: RatingTables
    log: IngestLog
    truth: dict[str, pd.DataFrame]


def simulate(config: StudyConfig, material: Material | None = None) -> SimulatedStudy:
    """Simulate a study; the same config gives the same tables, byte for byte.

    Every part has its own random stream under the config's seed, so two worlds of one seed have the same people,
    texts, design and random effects.

    Parameters
    ----------
    config : StudyConfig
        The study.
    material : Material, optional
        Texts to be rated (default: those of the config's seed). With the texts of another seed, other people answer
        the same questions: studies of one world that can share their base models.

    Raises
    ------
    ConfigError
        The config asks for something that the simulation does not have.
    """
    world = build_world(config)
    people = draw_population(config)
    material = draw_material(config) if material is None else material
    strength = material.strength()
    effects = draw_effects(world, len(people), len(material.items), config.seed)
    places = _places(config, people, material)
    ratings = draw_ratings(world, people, strength, effects, places, config.seed)
    items = material.items_frame()
    tables = RatingTables(
        ratings=_ratings_frame(ratings, places, people, items),
        items=items,
        participants=stated(people, config),
    ).validate(config)
    languages = tuple(dict.fromkeys(LANGUAGE_OF_COUNTRY[c] for c in config.simulation.population.country))
    truth = {
        "truth_items": tables_of_truth.truth_items(world, list(items["item_id"]), strength, effects),
        "truth_participants": tables_of_truth.truth_participants(world, people, effects),
        "truth_effects": tables_of_truth.truth_effects(world, config),
        "truth_thresholds": tables_of_truth.truth_thresholds(world),
        "truth_variances": tables_of_truth.truth_variances(world, strength),
        "truth_population": tables_of_truth.truth_population(config),
        "truth_prompts": material.prompts_frame(),
        "truth_texts": material.texts_frame(languages),
        "prompts_extra": material.extra_frame(),
    }
    return SimulatedStudy(tables=tables, log=_log(world, tables, places), truth=truth)


def _places(config: StudyConfig, people: pd.DataFrame, material: Material) -> IntArray:
    """Return participant and item of every rating, in the order in which they are recorded."""
    settings = config.simulation
    per_participant = settings.ratings_per_participant
    chosen = np.empty((len(people), per_participant), dtype=np.int64)
    if settings.languages == "shared":
        groups = {"en": np.arange(len(people))}
    else:
        language = people["country"].map(LANGUAGE_OF_COUNTRY)
        groups = {name: np.flatnonzero(language == name) for name in dict.fromkeys(LANGUAGE_OF_COUNTRY.values())}
    for language_name, rows in groups.items():
        if not rows.size:
            continue
        of_language = np.array(material.items_in(language_name), dtype=np.int64)
        rng = stream(config.seed, "design", language_name)
        chosen[rows] = of_language[assign(rows.size, per_participant, of_language.size, rng)]
    # Participants arrive in the order of their ids and answer one item after the other.
    return np.column_stack([np.repeat(np.arange(len(people)), per_participant), chosen.ravel()])


def _ratings_frame(
    ratings: dict[str, IntArray], places: IntArray, people: pd.DataFrame, items: pd.DataFrame
) -> pd.DataFrame:
    participant = people["participant_id"].to_numpy()[places[:, 0]]
    item = items["item_id"].to_numpy()[places[:, 1]]
    position = np.arange(1, len(places) + 1, dtype=np.int64)
    parts = [
        pd.DataFrame(
            {
                "participant_id": participant,
                "item_id": item,
                "dimension": name,
                "rating": values,
                "position": position,
            }
        )
        for name, values in ratings.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _log(world: World, tables: RatingTables, places: IntArray) -> IngestLog:
    log = IngestLog()
    raters = np.bincount(places[:, 1], minlength=len(tables.items))
    note = f"Simulated data: world '{world.name}', truth known."
    log.add("read", "simulated participants", len(tables.participants), note=note)
    log.add("read", "simulated items", len(tables.items), note=f"{raters.mean():.2f} raters per item on average.")
    log.add("read", "simulated ratings", len(tables.ratings))
    few = int((raters < MIN_RATERS).sum())
    if few:
        log.add(
            "noticed",
            "items with fewer than two raters",
            few,
            of=len(tables.items),
            note="There are too few ratings for two per item; lower simulation.prompts.",
        )
    return log

"""The material of a study: rated prompts with their responses, and further prompts that nobody rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.simulation.bank import LANGUAGE_OF_COUNTRY
from plural_core.simulation.design import prompts_for
from plural_core.simulation.phrases import FloatArray, strengths
from plural_core.simulation.population import quotas
from plural_core.simulation.prompts import Prompt, draw_prompts
from plural_core.simulation.responses import Response, draw_responses, text_of
from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig

SPLITS = ("test", "acceptance")


@dataclass(frozen=True)
class Item:
    """A response to a rated prompt."""

    item_id: str
    prompt_id: str
    prompt: Prompt
    response: Response
    language: str


@dataclass(frozen=True)
class Material:
    """All texts of a study.

    Parameters
    ----------
    items : tuple of Item
        What is rated, in the order of their ids.
    extra : tuple
        Further prompts: (prompt_id, prompt, language, split).
    """

    items: tuple[Item, ...]
    extra: tuple[tuple[str, Prompt, str, str], ...]

    def strength(self) -> FloatArray:
        """Return the strength of each item's text, shape (items, dimensions of the bank)."""
        return np.array([strengths()[list(item.response)].mean(axis=0) for item in self.items])

    def items_in(self, language: str) -> list[int]:
        """Return the positions of the items written in a language."""
        return [number for number, item in enumerate(self.items) if item.language == language]

    def items_frame(self) -> pd.DataFrame:
        """Return the table `items`."""
        return pd.DataFrame(
            {
                "item_id": [item.item_id for item in self.items],
                "prompt_id": [item.prompt_id for item in self.items],
                "prompt": [item.prompt.texts[item.language] for item in self.items],
                "response": [text_of(item.response, item.language) for item in self.items],
                "language": [item.language for item in self.items],
                "source": [f"simulated-responder-{item.language}" for item in self.items],
            }
        )

    def prompts_frame(self) -> pd.DataFrame:
        """Return the table `truth_prompts`: topic, stance and subject of every prompt, rated or not."""
        rated = {item.prompt_id: (item.prompt, item.language, "rated") for item in self.items}
        further = {prompt_id: (prompt, language, split) for prompt_id, prompt, language, split in self.extra}
        rows = [
            {
                "prompt_id": prompt_id,
                "language": language,
                "split": split,
                "topic": prompt.topic,
                "stance": prompt.stance,
                "about": prompt.about,
            }
            for prompt_id, (prompt, language, split) in (rated | further).items()
        ]
        return pd.DataFrame(rows)

    def texts_frame(self, languages: tuple[str, ...]) -> pd.DataFrame:
        """Return the table `truth_texts`: every item in every language in which somebody read it."""
        shared = len({item.language for item in self.items}) == 1
        rows = [
            {
                "item_id": item.item_id,
                "language": language,
                "prompt": item.prompt.texts[language],
                "response": text_of(item.response, language),
            }
            for item in self.items
            for language in (languages if shared else (item.language,))
        ]
        return pd.DataFrame(rows)

    def extra_frame(self) -> pd.DataFrame:
        """Return the table `prompts_extra`."""
        rows = [
            {"prompt_id": prompt_id, "prompt": prompt.texts[language], "language": language, "split": split}
            for prompt_id, prompt, language, split in self.extra
        ]
        return pd.DataFrame(rows, columns=["prompt_id", "prompt", "language", "split"], dtype=object)


def rated_prompts(config: StudyConfig) -> dict[str, int]:
    """Return how many prompts are rated in each language of the items.

    With ``by_country`` each country's share of the participants is its share of the prompts; with ``shared`` all
    are written in English, and German participants read translations.
    """
    settings = config.simulation
    n = settings.prompts
    if n is None:
        n = prompts_for(settings.participants * settings.ratings_per_participant, settings.responses_per_prompt)
    if settings.languages == "shared":
        return {"en": n}
    people = quotas(settings.population.country, settings.participants)
    shares = {LANGUAGE_OF_COUNTRY[country]: count / settings.participants for country, count in people.items()}
    return quotas(shares, n)


def draw_material(config: StudyConfig) -> Material:
    """Draw the prompts and responses of a study; no prompt comes twice, in whatever part."""
    seed, settings = config.seed, config.simulation
    taken: set[str] = set()
    drawn: list[tuple[Prompt, str]] = []
    for language, n in rated_prompts(config).items():
        drawn += [(prompt, language) for prompt in draw_prompts(n, stream(seed, "prompts", language, "rated"), taken)]
    # Shuffled, so that a number says nothing about language or topic.
    order = stream(seed, "prompts", "order").permutation(len(drawn))
    width = max(4, len(str(len(drawn) * settings.responses_per_prompt)))
    items: list[Item] = []
    rng = stream(seed, "responses")
    for number, index in enumerate(order, start=1):
        prompt, language = drawn[index]
        for response in draw_responses(prompt, settings.responses_per_prompt, rng):
            item_id = f"i{len(items) + 1:0{width}d}"
            items.append(Item(item_id, f"q{number:0{width}d}", prompt, response, language))
    extra: list[tuple[str, Prompt, str, str]] = []
    for split, n in zip(SPLITS, (settings.test_prompts, settings.acceptance_prompts), strict=True):
        for language in rated_prompts(config):
            further = draw_prompts(n, stream(seed, "prompts", language, split), taken)
            extra += [(f"{split}-{language}-{i:04d}", prompt, language, split) for i, prompt in enumerate(further, 1)]
    return Material(items=tuple(items), extra=tuple(extra))


def draw_corpus(
    config: StudyConfig, n: int, language: str, name: str = "corpus", material: Material | None = None
) -> pd.DataFrame:
    """Draw prompts with one response each, as text for training a base model.

    Parameters
    ----------
    config : StudyConfig
        The study; its test and acceptance prompts do not occur, its rated ones may.
    n : int
        Number of texts.
    language : {'en', 'de'}
        Their language.
    name : str
        Name of the random stream: another name gives other texts.
    material : Material, optional
        The study's, where it is drawn already.

    Returns
    -------
    DataFrame
        prompt, response; a prompt may come more than once, with different responses.
    """
    material = draw_material(config) if material is None else material
    held_out = {text for _, prompt, _, _ in material.extra for text in prompt.texts.values()}
    rng = stream(config.seed, "corpus", name, language)
    rows: list[dict[str, str]] = []
    while len(rows) < n:
        # Each draw starts from the held-out prompts only, so the corpus may repeat itself but never shows one.
        for prompt in draw_prompts(1, rng, held_out):
            held_out.difference_update(prompt.texts.values())
            response = draw_responses(prompt, 1, rng)[0]
            rows.append({"prompt": prompt.texts[language], "response": text_of(response, language)})
    return pd.DataFrame(rows, columns=["prompt", "response"])

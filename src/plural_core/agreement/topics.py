"""Topics of the prompts, formed from their words within each language.

TF-IDF of the words, non-negative matrix factorisation (Lee and Seung 1999), each prompt to the topic that weighs most
in it. A topic is named by its heaviest words; it is a handle for reading, not a claim about meaning.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer

from plural_core.agreement.stopwords import UNKNOWN, stop_words

TEXTS_PER_TOPIC = 8
"""Fewer topics are formed where there are not this many texts for each."""
MOST_TEXTS = 5_000
"""Topics are learned from a random sample of this size; all texts are then assigned."""
MOST_WORDS = 4_000
WORDS_IN_LABEL = 3


@dataclass(frozen=True, eq=False)
class Topics:
    """Topics of the items.

    Parameters
    ----------
    names : tuple of str
        Id of each topic, its language first: ``en 1``.
    languages, labels : tuple of str
        Language and heaviest words of each topic.
    of_item : ndarray of int, shape (items,)
        Topic of each item, -1 where it has no text or no word of any topic.
    prompts : ndarray of int, shape (topics,)
        Prompts per topic.
    note : str
        What the reader must know: no texts, or topics formed from responses.
    """

    names: tuple[str, ...]
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    of_item: np.ndarray
    prompts: np.ndarray
    note: str


def form_topics(items: pd.DataFrame, most: int, rng: np.random.Generator) -> Topics:
    """Form topics from the prompts of `items`.

    Parameters
    ----------
    items : DataFrame
        prompt_id, prompt, response, language.
    most : int
        Topics per language, fewer where a language has fewer than `TEXTS_PER_TOPIC` texts for each.
    rng : Generator
        Seeds the sample of texts and the factorisation.

    Notes
    -----
    Where no item has a prompt the responses stand in, and the note says so.
    """
    column, note = _source(items)
    nothing = np.full(len(items), -1)
    if column is None:
        return Topics((), (), (), nothing, np.empty(0, dtype=np.int64), note)
    named = items["language"].astype(object).where(items["language"].notna(), UNKNOWN).astype(str)
    keys = items["prompt_id"].astype(str) if column == "prompt" else items["item_id"].astype(str)
    frame = pd.DataFrame({"key": keys, "text": items[column], "language": named}).reset_index(drop=True)
    texts = frame[frame["text"].notna()].drop_duplicates(["language", "key"])
    names: list[str] = []
    languages: list[str] = []
    labels: list[str] = []
    found = np.full(len(texts), -1)
    for language in sorted(texts["language"].unique()):
        rows = np.flatnonzero((texts["language"] == language).to_numpy())
        topic, words = _factorise(texts["text"].iloc[rows].astype(str).tolist(), language, most, rng)
        found[rows] = np.where(topic >= 0, topic + len(names), -1)
        names += [f"{language} {number:02}" for number in range(1, len(words) + 1)]
        languages += [language] * len(words)
        labels += words
    if not names:
        return Topics((), (), (), nothing, np.empty(0, dtype=np.int64), "No topics: too few texts in any language.")
    known = pd.MultiIndex.from_frame(texts[["language", "key"]])
    place = known.get_indexer(pd.MultiIndex.from_frame(frame[["language", "key"]]))
    of_item = np.where(place >= 0, found[place], -1)
    prompts = np.bincount(found[found >= 0], minlength=len(names))
    return Topics(tuple(names), tuple(languages), tuple(labels), of_item, prompts, note)


def _source(items: pd.DataFrame) -> tuple[str | None, str]:
    def has_text(name: str) -> bool:
        values = items[name].dropna().astype(str)
        return bool((values.str.strip() != "").any())

    if has_text("prompt"):
        return "prompt", ""
    if has_text("response"):
        return "response", "Topics are formed from the rated texts, since the items have no prompts."
    return None, "No topics: the items have no texts."


def _factorise(texts: list[str], language: str, most: int, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Return each text's topic (-1: none) and the label of each topic, the largest topic first."""
    n_topics = min(most, len(texts) // TEXTS_PER_TOPIC)
    nothing = np.full(len(texts), -1)
    if n_topics < 2:
        return nothing, []
    vectors = TfidfVectorizer(
        lowercase=True,
        stop_words=stop_words(language) or None,
        token_pattern=r"(?u)\b[^\W\d_]{3,}\b",
        min_df=2,
        max_df=0.5,
        max_features=MOST_WORDS,
        sublinear_tf=True,
    )
    try:
        table = vectors.fit_transform(texts)
    except ValueError:  # no word is left
        return nothing, []
    n_topics = min(n_topics, table.shape[1])
    if n_topics < 2:
        return nothing, []
    sample = np.arange(len(texts))
    if len(texts) > MOST_TEXTS:
        sample = np.sort(rng.choice(len(texts), MOST_TEXTS, replace=False))
    model = NMF(n_topics, init="nndsvda", max_iter=200, tol=1e-3, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        # A factorisation that is not at its last digit assigns the texts just as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(table[sample])
        loadings = model.transform(table)
    components = model.components_
    loadings = loadings * np.linalg.norm(components, axis=1)
    topic = np.where(loadings.max(axis=1) > 0, loadings.argmax(axis=1), -1)
    sizes = np.bincount(topic[topic >= 0], minlength=n_topics)
    order = [t for t in np.argsort(-sizes, kind="stable") if sizes[t]]
    number = np.full(n_topics + 1, -1)
    number[order] = np.arange(len(order))
    vocabulary = vectors.get_feature_names_out()
    heaviest = np.argsort(-components, axis=1, kind="stable")[:, :WORDS_IN_LABEL]
    return number[topic], [", ".join(vocabulary[heaviest[t]]) for t in order]

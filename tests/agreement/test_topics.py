"""Topics of prompts, and the topics on which two groups differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import normalized_mutual_info_score

from plural_core.agreement.counts import DimensionRatings
from plural_core.agreement.stopwords import stop_words
from plural_core.agreement.topic_differences import mean_differences, topic_means, topic_tables
from plural_core.agreement.topics import form_topics
from plural_core.ratings.schemas import check_table
from plural_core.ratings.tables import RatingTables, complete_participants

WORDS = {
    "en": {
        "kitchen": ["cooking", "dinner", "kitchen", "recipe", "dishes", "oven"],
        "sport": ["football", "training", "coach", "stadium", "match", "referee"],
        "office": ["boss", "salary", "meeting", "promotion", "colleague", "contract"],
    },
    "de": {
        "kueche": ["kochen", "abendessen", "küche", "rezept", "geschirr", "ofen"],
        "sport": ["fußball", "training", "trainer", "stadion", "spiel", "schiedsrichter"],
        "schule": ["lehrerin", "klasse", "noten", "schule", "unterricht", "prüfung"],
    },
}
FILLERS = {
    "en": "why should the people with their very own have",
    "de": "warum sollten die leute mit ihren eigenen haben",
}


def make_items(seed: int = 0, prompts: int = 40, responses: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for language, topics in WORDS.items():
        for topic, words in topics.items():
            for p in range(prompts):
                text = " ".join([*rng.choice(words, 4), *rng.choice(FILLERS[language].split(), 5)])
                for r in range(responses):
                    rows.append(
                        (f"{language}{topic}{p}-{r}", f"{language}{topic}{p}", text, language, f"{language} {topic}")
                    )
    return pd.DataFrame(rows, columns=["item_id", "prompt_id", "prompt", "language", "truth"]).assign(
        response=None, source=None
    )


def test_topics_are_found_within_each_language_and_named_by_their_words():
    items = make_items()
    topics = form_topics(items, 3, np.random.default_rng(0))
    assert sorted(topics.languages) == ["de"] * 3 + ["en"] * 3
    assert normalized_mutual_info_score(items["truth"], topics.of_item) > 0.9
    for language, label in zip(topics.languages, topics.labels, strict=True):
        assert any(set(label.split(", ")) <= set(words) for words in WORDS[language].values())
    assert topics.prompts.sum() == 240
    assert topics.note == ""
    same = items["prompt_id"].eq(items["prompt_id"].shift())
    assert (topics.of_item[same] == topics.of_item[np.flatnonzero(same) - 1]).all()


def test_the_same_seed_gives_the_same_topics_and_few_texts_fewer_topics():
    items = make_items()
    first, second = (form_topics(items, 4, np.random.default_rng(7)) for _ in range(2))
    assert first.labels == second.labels
    np.testing.assert_array_equal(first.of_item, second.of_item)
    assert len(form_topics(make_items(prompts=6), 12, np.random.default_rng(0)).names) == 2 * (18 // 8)


@pytest.mark.parametrize("texts", [None, "", "  "])
def test_without_texts_there_is_a_note_and_no_error(texts):
    items = make_items().assign(prompt=texts)
    topics = form_topics(items, 3, np.random.default_rng(0))
    assert topics.names == ()
    assert topics.note == "No topics: the items have no texts."
    assert (topics.of_item == -1).all()


def test_responses_stand_in_for_missing_prompts():
    items = make_items().rename(columns={"prompt": "response", "response": "prompt"})
    topics = form_topics(items, 3, np.random.default_rng(0))
    assert len(topics.names) == 6
    assert "rated texts" in topics.note


def test_items_without_a_text_or_a_language_are_kept_apart():
    items = make_items()
    items.loc[:9, "prompt"] = None
    items.loc[10:, "language"] = None
    topics = form_topics(items, 6, np.random.default_rng(0))
    assert (topics.of_item[:10] == -1).all()
    assert set(topics.languages) == {"unknown"}


def test_stop_words_by_language():
    assert {"the", "would"} <= set(stop_words("en-GB"))
    assert {"nicht", "würde"} <= set(stop_words("German"))
    assert {"the", "nicht"} <= set(stop_words("unknown"))
    assert stop_words("fr") == []


def ratings_of(participant, item, rating) -> DimensionRatings:
    return DimensionRatings("harm", 5, np.asarray(participant), np.asarray(item), np.asarray(rating))


def test_the_interval_of_a_mean_difference_covers_it_under_rater_and_item_effects():
    hits = 0
    codes = np.repeat([0, 1], 60)
    for seed in range(150):
        rng = np.random.default_rng(seed)
        rater, item = rng.normal(0, 0.7, 120), rng.normal(0, 0.7, 60)
        p = np.repeat(np.arange(120), 4)
        i = rng.integers(0, 60, len(p))
        y = rater[p] + item[i] + rng.normal(0, 1, len(p))
        found = mean_differences(topic_means(ratings_of(p, i, y), codes, np.zeros(60, dtype=int), 1, 2), 0, 1)
        hits += found.ci_low[0] <= 0 <= found.ci_high[0]
    assert 0.9 <= hits / 150 <= 0.99


def test_means_and_variances_equal_a_plain_computation():
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, 3, 50)
    of_item = rng.integers(-1, 4, 30)
    p, i, y = rng.integers(0, 50, 900), rng.integers(0, 30, 900), rng.integers(1, 6, 900)
    means = topic_means(ratings_of(p, i, y), codes, of_item, 4, 3)
    found = mean_differences(means, 0, 2, 0.9)
    frame = pd.DataFrame({"p": p, "i": i, "y": y, "group": codes[p], "topic": of_item[i]})
    for topic in range(4):
        part = frame[(frame["topic"] == topic) & frame["group"].isin([0, 2])]
        a, b = part[part["group"] == 0], part[part["group"] == 2]
        assert found.difference[topic] == pytest.approx(a["y"].mean() - b["y"].mean())
        influence = pd.concat([(a["y"] - a["y"].mean()) / len(a), -(b["y"] - b["y"].mean()) / len(b)])
        parts = [(influence.groupby(part.loc[influence.index, c]).sum() ** 2).sum() for c in ("p", "i")]
        variance = max(sum(parts) - (influence**2).sum(), *parts)
        freedom = min(a["p"].nunique(), b["p"].nunique()) - 1
        assert means.raters[topic, 0] == a["p"].nunique()
        half = student.ppf(0.95, freedom) * np.sqrt(variance)
        assert found.ci_high[topic] - found.difference[topic] == pytest.approx(half)


def rated(items: pd.DataFrame, raters: int, seed: int, gap: float) -> RatingTables:
    """Return ratings in which men rate kitchens lower by `gap` levels, on average."""
    rng = np.random.default_rng(seed)
    gender = np.where(np.arange(raters) % 2 == 0, "female", "male")
    rows = []
    for p in range(raters):
        for position, i in enumerate(rng.choice(len(items), 8, replace=False), start=1):
            mean = 3.5 - gap * (gender[p] == "male") * items["truth"].iloc[i].endswith("kitchen")
            rating = int(np.clip(np.round(mean + rng.normal(0, 0.8)), 1, 5))
            rows.append((f"p{p:03}", items["item_id"].iloc[i], "harm", rating, position))
    people = pd.DataFrame({"participant_id": [f"p{p:03}" for p in range(raters)], "gender": gender, "country": "US"})
    columns = ["participant_id", "item_id", "dimension", "rating", "position"]
    table = items[["item_id", "prompt_id", "prompt", "response", "language", "source"]]
    return RatingTables(pd.DataFrame(rows, columns=columns), table, complete_participants(people))


def test_the_topic_on_which_groups_differ_comes_first(make_config, shown):
    config = make_config(agreement={"topics": 3, "topics_shown": 2})
    tables = rated(make_items(), 120, 0, gap=1.5)
    found = topic_tables(tables, config, shown(tables, config), np.random.default_rng(0))
    check_table(found.topics, "topics")
    check_table(found.differences, "topic_differences")
    harm = found.differences.query("dimension == 'harm'")
    assert harm["rank"].tolist() == [1, 2]
    assert (harm["n_topics"] == 6).all()
    best = harm.iloc[0]
    assert set(best["label"].split(", ")) <= set(WORDS["en"]["kitchen"])
    assert best["ci_low"] < 1.5 * 0.9
    assert best["ci_low"] > 0.8
    assert found.differences["factor"].unique().tolist() == ["gender"]  # country has one level
    assert found.topics["n_ratings"].sum() == len(tables.ratings)


def test_topics_that_too_few_people_rated_are_not_compared(make_config, shown):
    config = make_config(agreement={"topics": 3})
    tables = rated(make_items(), 120, 0, gap=1.5)
    kitchen = tables.ratings["item_id"].str.contains("kitchen")
    men = tables.participants.query("gender == 'male'")["participant_id"].iloc[9:]
    fewer = tables.ratings[~(kitchen & tables.ratings["participant_id"].isin(men))]
    tables = RatingTables(fewer, tables.items, tables.participants)
    found = topic_tables(tables, config, shown(tables, config), np.random.default_rng(0))
    assert len(found.topics) == 6
    assert (found.differences["n_topics"] == 5).all()
    assert not found.differences["label"].str.contains("cooking|oven|recipe|dishes|dinner|kitchen").any()


def test_a_study_without_texts_has_empty_tables_and_a_note(make_study, make_config, shown):
    tables, config = make_study(), make_config()
    found = topic_tables(tables, config, shown(tables, config), np.random.default_rng(0))
    assert found.note == "No topics: the items have no texts."
    for table, name in ((found.topics, "topics"), (found.differences, "topic_differences")):
        assert table.empty
        check_table(table, name)

"""Counts, seeds, languages and truth of whole simulated studies."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import ConfigError
from plural_core.io import write_table
from plural_core.ratings.schemas import TABLES, check_table
from plural_core.simulation import TRUTH_TABLES, simulate, text_strength
from plural_core.simulation.material import draw_material
from plural_core.study import StudyConfig


def raters_per_item(study) -> pd.Series:
    ratings = study.tables.ratings
    return ratings[ratings["dimension"] == "toxicity"].groupby("item_id").size()


def test_counts_of_the_paper(full):
    tables = full.tables
    assert len(tables.participants) == 1095
    assert len(tables.items) == 1761
    assert len(tables.ratings) == 27_375
    assert tables.items["prompt_id"].nunique() == 587
    assert tables.items.drop_duplicates("prompt_id")["language"].value_counts().to_dict() == {"en": 294, "de": 293}
    assert set(tables.items.groupby("prompt_id").size()) == {3}
    assert tables.ratings["dimension"].nunique() == 5


def test_every_item_has_two_raters_and_three_on_average(full):
    counts = raters_per_item(full)
    assert len(counts) == 1761
    assert counts.min() == 2
    assert counts.max() > 4
    assert counts.mean() == pytest.approx(3.109, abs=0.001)


def test_each_participant_rates_five_different_items_on_all_dimensions(full):
    per = full.tables.ratings.groupby(["participant_id", "dimension"])["item_id"].agg(["size", "nunique"])
    assert (per == 5).all().all()


def test_participants_rate_in_their_language(full):
    wide = full.tables.wide(["country"]).merge(full.tables.items[["item_id", "language"]], on="item_id")
    assert set(map(tuple, wide[["country", "language"]].drop_duplicates().to_numpy())) == {
        ("US", "en"),
        ("Germany", "de"),
    }


def test_position_is_the_recorded_order(full):
    rows = full.tables.ratings.drop_duplicates(["participant_id", "item_id"]).sort_values("position")
    assert rows["position"].tolist() == list(range(1, 5476))
    assert rows["participant_id"].is_monotonic_increasing
    per_event = full.tables.ratings.groupby(["participant_id", "item_id"])["position"].nunique()
    assert (per_event == 1).all()


def test_same_seed_same_bytes(make_config, tmp_path):
    written = []
    for name in ("a", "b"):
        study = simulate(make_config(seed=7, participants=60))
        frames = {
            "ratings": study.tables.ratings,
            "items": study.tables.items,
            "participants": study.tables.participants,
            "ingest": study.log.to_frame(),
            **study.truth,
        }
        for table, frame in frames.items():
            write_table(frame, tmp_path / name / f"{table}.parquet")
        written.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 4 + len(TRUTH_TABLES)


def test_another_seed_gives_another_study(make_config, tiny):
    other = simulate(make_config(seed=2, participants=60))
    assert not other.tables.ratings["rating"].equals(tiny.tables.ratings["rating"])
    assert not other.tables.items["response"].equals(tiny.tables.items["response"])


@pytest.mark.parametrize(
    "change",
    [{"world": "null"}, {"rater_sd": 0.1}, {"item_sd": 1.0}, {"thresholds": {"toxicity": [-2.0, -1.0, 1.0, 2.0]}}],
)
def test_changing_one_part_leaves_the_others(make_config, tiny, change):
    changed = simulate(make_config(participants=60, test_prompts=20, acceptance_prompts=20, **change))
    pd.testing.assert_frame_equal(changed.tables.items, tiny.tables.items)
    pd.testing.assert_frame_equal(changed.tables.participants, tiny.tables.participants)
    key = ["participant_id", "item_id", "dimension", "position"]
    pd.testing.assert_frame_equal(changed.tables.ratings[key], tiny.tables.ratings[key])
    assert not changed.tables.ratings["rating"].equals(tiny.tables.ratings["rating"])


def test_number_of_test_prompts_changes_no_rating(make_config, tiny):
    changed = simulate(make_config(participants=60, test_prompts=0, acceptance_prompts=50))
    pd.testing.assert_frame_equal(changed.tables.ratings, tiny.tables.ratings)


def test_truth_tables_pass_their_schemas(full, tiny):
    for study in (full, tiny):
        assert tuple(study.truth) == TRUTH_TABLES
        for name, table in study.truth.items():
            assert name in TABLES
            check_table(table, name)


def test_truth_of_each_text_equals_the_lexicon(full):
    items = full.tables.items.set_index("item_id")
    truth = full.truth["truth_items"].pivot(index="item_id", columns="dimension", values="strength")
    for item_id, row in items.iterrows():
        found = text_strength(row["response"], row["language"])
        assert found.known_share == 1.0
        assert all(found.strength[name] == pytest.approx(truth.loc[item_id, name], abs=1e-12) for name in truth)


def test_ids_do_not_leak_the_truth(full):
    """Neither language, topic, stance nor strength can be told from an id's number."""
    items = full.tables.items.assign(number=lambda t: t["item_id"].str[1:].astype(int))
    assert items["item_id"].str.fullmatch(r"i\d{4}").all()
    assert abs(np.corrcoef(items["number"], items["language"] == "en")[0, 1]) < 0.1
    toxicity = full.truth["truth_items"].query("dimension == 'toxicity'").set_index("item_id")["strength"]
    assert abs(np.corrcoef(items["number"], toxicity[items["item_id"]])[0, 1]) < 0.1
    assert set(items["source"]) == {"simulated-responder-en", "simulated-responder-de"}


def test_extra_prompts_are_disjoint_from_each_other_and_from_rated_ones(full):
    extra = full.truth["prompts_extra"]
    rated = set(full.tables.items["prompt"])
    assert extra.groupby(["split", "language"]).size().to_dict() == {
        (split, language): 200 for split in ("test", "acceptance") for language in ("en", "de")
    }
    assert extra["prompt"].is_unique
    assert rated.isdisjoint(extra["prompt"])
    assert set(full.tables.items["prompt_id"]).isdisjoint(extra["prompt_id"])


def test_rated_prompts_and_responses_to_one_prompt_are_distinct(full):
    prompts = full.tables.items.drop_duplicates("prompt_id")["prompt"]
    assert prompts.is_unique
    assert not full.tables.items.duplicated(["prompt_id", "response"]).any()


def test_tiny_study(tiny):
    tables = tiny.tables
    assert len(tables.participants) == 60
    assert tables.items["prompt_id"].nunique() == 32
    assert len(tables.ratings) == 60 * 5 * 5
    counts = raters_per_item(tiny)
    assert len(counts) == 96
    assert counts.min() >= 2


def test_shared_items_are_translated(make_config):
    study = simulate(make_config(participants=120, languages="shared"))
    items = study.tables.items
    assert set(items["language"]) == {"en"}
    texts = study.truth["truth_texts"]
    assert len(texts) == 2 * len(items)
    truth = study.truth["truth_items"].pivot(index="item_id", columns="dimension", values="strength")
    for row in texts.itertuples():
        found = text_strength(row.response, row.language)
        assert found.known_share == 1.0
        assert found.strength["toxicity"] == pytest.approx(truth.loc[row.item_id, "toxicity"], abs=1e-12)
    wide = study.tables.wide(["country"])
    both = wide.groupby("item_id")["country"].nunique()
    assert (both == 2).mean() > 0.5
    assert raters_per_item(study).min() >= 2


def test_too_many_prompts_are_noticed(make_config):
    study = simulate(make_config(participants=20, prompts=40, test_prompts=0, acceptance_prompts=0))
    entry = study.log.to_frame().query("action == 'noticed'")
    assert len(entry) == 1
    assert entry["n"].iloc[0] > 0
    assert raters_per_item(study).max() <= 2


def test_too_few_items_is_a_clear_error(make_config):
    with pytest.raises(ConfigError, match=r"ratings_per_participant: 5 different items .* only 3; raise"):
        simulate(make_config(participants=60, prompts=2))


def test_more_prompts_than_the_templates_give_is_a_clear_error(make_config):
    from plural_core.simulation.prompts import draw_prompts
    from plural_core.simulation.streams import stream

    class Everything(set):
        def isdisjoint(self, other):
            return False

    with pytest.raises(ConfigError, match="templates gave only 0 of 5"):
        draw_prompts(5, stream(1, "x"), Everything())


def test_fewer_dimensions_leave_the_other_ratings_as_they_were(tiny):
    from plural_core.study import instrument

    some = {name: instrument.dimensions()[name] for name in ("helpfulness", "toxicity")}
    config = StudyConfig.model_validate(
        {"study": "two", "dimensions": some, "simulation": {"participants": 60, "test_prompts": 20}}
    )
    ratings = simulate(config).tables.ratings
    assert set(ratings["dimension"]) == {"helpfulness", "toxicity"}
    same = tiny.tables.ratings[tiny.tables.ratings["dimension"].isin(some)].reset_index(drop=True)
    pd.testing.assert_frame_equal(ratings, same)


def test_unknown_dimension_is_named_with_the_nearest():
    config = StudyConfig.model_validate({"study": "x", "dimensions": {"toxicty": {"label": "Toxicity"}}})
    with pytest.raises(ConfigError, match=r"no dimension 'toxicty'\. Did you mean 'toxicity'\?"):
        simulate(config)


def test_csv_of_ratings_has_whole_numbers(tiny):
    buffer = io.StringIO()
    tiny.tables.ratings.to_csv(buffer, index=False)
    assert tiny.tables.ratings["rating"].between(1, 5).all()
    assert ".0" not in buffer.getvalue().splitlines()[1]


def test_other_people_rate_the_texts_of_another_seed(make_config, tiny):
    config = make_config(participants=60, test_prompts=20, acceptance_prompts=20)
    other = config.model_copy(update={"seed": config.seed + 1})
    again = simulate(other, draw_material(config))
    pd.testing.assert_frame_equal(again.tables.items, tiny.tables.items)
    assert not again.tables.ratings["rating"].equals(tiny.tables.ratings["rating"])
    pd.testing.assert_frame_equal(simulate(config, draw_material(config)).tables.ratings, tiny.tables.ratings)

"""Base models: trained once, found again, accepted or refused, never half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from plural_core.io import write_table
from plural_core.preferences.prompts import split_prompts
from plural_core.ratings.schemas import TABLES
from plural_core.simulation import simulate
from plural_core.simulation.material import draw_corpus
from plural_core.study import Study, load_study
from plural_core.study.models_config import TINY_FAMILIES
from plural_core.training import base
from plural_core.training.acceptance import Acceptance, accept
from plural_core.training.base import (
    base_folder,
    base_models_frame,
    ensure_base,
    hash_of,
    read_base,
    recipe,
    study_base_models,
)
from plural_core.training.corpus import own_corpus, simulated_texts, study_texts
from plural_core.training.families import family_seed
from plural_core.training.load import LoadedModel, load_base
from plural_core.training.trained import TrainingError
from tests.tiny_models import SETTINGS, make_tiny_study


def fail(*_: Any, **__: Any) -> None:
    raise AssertionError("trained again")


@pytest.fixture
def real_study(tmp_path: Path) -> Study:
    """Twenty comments without prompts, as POPQUORN has them."""
    comments = [f"Comment {n}: this is what person {n % 7} said about it, more or less." for n in range(20)]
    items = pd.DataFrame({"item_id": [f"c{n:02}" for n in range(20)], "response": comments})
    items["prompt_id"] = items["item_id"]
    for name in ("prompt", "language", "source"):
        items[name] = None
    (tmp_path / "study.yaml").write_text(
        "study: comments\ndata: {adapter: table, path: none.csv}\ndimensions: {harm: {label: Harm}}\nfactors: {}\n"
        "prompts: {first_words: 4}\n"
    )
    small = [setting for setting in SETTINGS if setting.startswith(("models.tiny", "models.fam", "training"))]
    study = load_study(tmp_path / "study.yaml", [*small, "models.tiny.steps=5"], results=tmp_path / "results")
    write_table(items, study.table("items"))
    return study


def test_a_model_is_trained_once_and_found_again(
    tiny_study: Study, tiny_loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_train", fail)
    made = ensure_base(tiny_study, "llama")
    assert made == read_base(base_folder(tiny_study, "llama"))
    assert made.fingerprint == tiny_loaded.fingerprint
    assert made.parameters == tiny_loaded.n_parameters
    assert (made.steps, made.n_texts, made.label) == (30, 300, "Llama")
    assert made.loss is not None
    assert made.loss < np.log(500)
    assert made.acceptance is not None
    assert made.acceptance.n_prompts == 16, "eight in each language"


def test_the_folder_holds_safetensors_and_everything_that_made_them(
    tiny_study: Study, tiny_loaded: LoadedModel
) -> None:
    folder = base_folder(tiny_study, "llama")
    names = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "config.json", "base.json"} <= names
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pkl"))}
    record = json.loads((folder / "base.json").read_text())
    assert hash_of(record["made_from"]) == record["fingerprint"]
    assert record["made_from"]["settings"]["hidden"] == 32
    assert record["cpu_seconds"] > 0
    assert load_file(folder / "model.safetensors")
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_whatever_changes_a_model_changes_its_fingerprint(tiny_study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def mark(study: Study, family: str = "llama") -> str:
        return hash_of(recipe(study.config, family, simulated_texts(study.config)))

    def changed(*settings: str) -> Study:
        return make_tiny_study(tiny_study.root.parent, *settings)

    same = [changed(), changed("title=Another"), changed("training.dpo.beta=0.2"), changed("models.families=[phi3]")]
    assert {mark(study) for study in same} == {mark(tiny_study)}
    others = [mark(tiny_study)]
    others += [mark(tiny_study, family) for family in TINY_FAMILIES if family != "llama"]
    others += [
        mark(changed(setting))
        for setting in ("models.tiny.steps=31", "models.tiny.texts=301", "models.tiny.seed=5", "seed=9")
    ]
    monkeypatch.setattr(base, "RECIPE", base.RECIPE + 1)
    others.append(mark(tiny_study))
    monkeypatch.setattr(base, "version", lambda name: "0.0")
    others.append(mark(tiny_study))
    assert len(set(others)) == len(others)


def test_the_same_recipe_gives_the_same_weights(tmp_path: Path) -> None:
    studies = [make_tiny_study(tmp_path / name, "models.tiny.steps=4", "models.tiny.texts=50") for name in "ab"]
    made = [ensure_base(study, "olmo2") for study in studies]
    assert made[0].fingerprint == made[1].fingerprint
    files = [(base_folder(study, "olmo2") / "model.safetensors").read_bytes() for study in studies]
    assert files[0] == files[1]


def test_a_changed_setting_trains_again_and_an_interruption_leaves_the_earlier_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ("models.tiny.steps=3", "models.tiny.texts=50", "simulation.acceptance_prompts=2")
    first = ensure_base(make_tiny_study(tmp_path, *short), "llama")
    study = make_tiny_study(tmp_path, *short, "models.tiny.steps=4")
    folder = base_folder(study, "llama")

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(base, "write_json", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ensure_base(study, "llama")
    assert read_base(folder) == first, "what was there is whole"
    assert load_base(study, "llama").fingerprint == first.fingerprint
    progress: list[tuple[int, int]] = []
    second = ensure_base(study, "llama", lambda done, total: progress.append((done, total)))
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert second.fingerprint != first.fingerprint
    assert read_base(folder) == second
    assert [path.name for path in folder.parent.iterdir()] == ["base"], "nothing is left of the interrupted one"
    (folder / "base.json").write_text('{"family": "llama"')
    assert read_base(folder) is None
    assert ensure_base(study, "llama").fingerprint == second.fingerprint
    (folder / "model.safetensors").unlink()
    ensure_base(study, "llama")
    assert (folder / "model.safetensors").is_file()


def test_a_disk_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_tiny_study(tmp_path, "models.tiny.steps=1", "models.tiny.texts=50", "simulation.acceptance_prompts=2")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", full)
    with pytest.raises(TrainingError, match=r"base: the base model cannot be written .*No space left on device"):
        ensure_base(study, "llama")
    assert not base_folder(study, "llama").exists()


def test_a_model_below_the_bars_stops_the_study_and_is_not_trained_twice(
    tiny_study: Study, tiny_loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = make_tiny_study(tiny_study.root.parent, "models.check_answers=true")
    monkeypatch.setattr(base, "_train", fail)
    with pytest.raises(TrainingError) as caught:
        ensure_base(strict, "llama")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("base model 'llama' is not accepted on 16 prompts: 0.0% of the answers are two to four")
    assert "models.tiny.steps" in message


def test_a_model_below_the_bars_is_trained_again_with_other_seeds_and_all_figures_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ("models.tiny.steps=1", "models.tiny.texts=50", "simulation.acceptance_prompts=2")
    passing = [False, False, True]
    seen: list[bool] = []

    def failures(self: Acceptance) -> list[str]:
        return [] if seen[-1] else ["too dull"]

    def measured(*arguments: Any) -> Acceptance | None:
        seen.append(passing[len(seen)])
        return accept(*arguments)

    monkeypatch.setattr(Acceptance, "failures", failures)
    monkeypatch.setattr(base, "accept", measured)
    twice = make_tiny_study(tmp_path, *small, "models.check_answers=true", "models.tiny.attempts=2")
    with pytest.raises(TrainingError, match="'llama', after 2 trainings with seeds of their own, is not accepted"):
        ensure_base(twice, "llama")
    made = ensure_base(
        make_tiny_study(tmp_path, *small, "models.check_answers=true", "models.tiny.attempts=3"), "llama"
    )
    assert seen == passing, "the third goes on where the second stopped"
    assert made.attempts == 3
    record = json.loads((base_folder(twice, "llama") / "base.json").read_text())
    assert [other["attempts"] for other in record["rejected"]] == [2]
    assert record["made_from"]["seed"] not in {family_seed(1, "llama"), family_seed(1, "llama", 1)}


def test_an_unknown_family_and_a_study_without_texts_are_one_line(tiny_study: Study, real_study: Study) -> None:
    with pytest.raises(TrainingError, match=r"neither a tiny architecture nor a name under models\.hub"):
        ensure_base(tiny_study, "lama")
    items = pd.read_parquet(real_study.table("items")).assign(response=None)
    with pytest.raises(TrainingError, match="'comments' has no texts to train tiny models on"):
        own_corpus(items, real_study.config)


def test_the_corpus_of_a_simulated_study_is_of_its_world_in_its_languages(tiny_study: Study) -> None:
    texts = study_texts(tiny_study)
    assert texts.corpus["language"].value_counts().to_dict() == {"en": 150, "de": 150}
    for language, part in texts.corpus.groupby("language"):
        pd.testing.assert_frame_equal(
            part[["prompt", "response"]].reset_index(drop=True), draw_corpus(tiny_study.config, 150, str(language))
        )
    extra = simulate(tiny_study.config).truth["prompts_extra"]
    assert set(texts.corpus["prompt"]).isdisjoint(extra["prompt"]), "nothing of the test and acceptance prompts"
    wanted = extra.loc[extra["split"] == "acceptance", ["prompt_id", "prompt", "language"]]
    pd.testing.assert_frame_equal(texts.acceptance, wanted.reset_index(drop=True))
    shared = make_tiny_study(tiny_study.root.parent, "simulation.languages=shared")
    assert set(study_texts(shared).corpus["language"]) == {"en"}


def test_real_ratings_give_the_texts_of_training_prompts_only(real_study: Study) -> None:
    items = pd.read_parquet(real_study.table("items"))
    corpus = own_corpus(items, real_study.config)
    split = split_prompts(items, real_study.config).set_index("prompt_id")
    assert 0 < len(corpus) < 20
    for n, comment in enumerate(items["response"]):
        words = comment.split()
        there = ((corpus["prompt"] == " ".join(words[:4])) & (corpus["response"] == " ".join(words[4:]))).any()
        assert there == (split.loc[f"c{n:02}", "split"] == "train")


def test_a_model_of_real_texts_is_not_held_to_the_bars(real_study: Study) -> None:
    made = ensure_base(real_study, "gpt_neox")
    assert made.acceptance is None
    assert ensure_base(real_study, "gpt_neox") == made
    assert load_base(real_study, "gpt_neox").fingerprint == made.fingerprint


def test_the_table_of_base_models_keeps_its_schema(tiny_study: Study, tiny_loaded: LoadedModel) -> None:
    made = ensure_base(tiny_study, "llama")
    hub = base.BaseModel("own", "Own", "some/model", "0123", 10)
    frame = base_models_frame([hub, made])
    TABLES["base_models"].schema.validate(frame)
    assert frame["family"].tolist() == ["llama", "own"]
    assert list(TABLES["base_models"].schema.columns) == list(frame.columns)
    assert frame["valid_share"].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(study_base_models(tiny_study), made.to_frame())
    TABLES["base_models"].schema.validate(base_models_frame([]))

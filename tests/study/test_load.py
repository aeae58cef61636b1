"""Study configs: what is accepted, and the one line that each mistake gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from plural_core.errors import ConfigError
from plural_core.study import load_study, parse_overrides
from plural_core.study.models_config import ModelsConfig

TABLE = """\
study: mine
data:
  adapter: table
  path: ratings.csv
dimensions:
  harm: {label: Harm, levels: 3, labels: [No, Unsure, Yes], high_is: bad}
factors:
  gender: {levels: [woman, man], reference: woman}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_of_a_simulated_study_are_the_papers_instrument(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, "study: s\n"))
    assert study.config.simulated
    assert len(study.config.dimensions) == 5
    assert study.config.factors["ethnicity"].reference == "White"
    assert study.config.dimensions["toxicity"].high_is == "bad"


def test_yes_and_no_stay_texts(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, TABLE))
    assert study.config.dimensions["harm"].labels == ["No", "Unsure", "Yes"]


def test_agreeing_and_disagreeing_levels_by_default(tmp_path: Path) -> None:
    harm = load_study(write(tmp_path, TABLE)).config.dimensions["harm"]
    assert (harm.agree_level, harm.disagree_level) == (3, 1)
    toxicity = load_study(write(tmp_path, "study: s\n")).config.dimensions["toxicity"]
    assert (toxicity.agree_level, toxicity.disagree_level) == (4, 2)


def test_overrides_replace_and_are_read_as_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    study = load_study(path, ["seed=7", "privacy.k=25", "data.path=other.csv", "title=A: b"])
    assert study.config.seed == 7
    assert study.config.privacy.k == 25
    assert study.config.title == "A: b"
    assert study.config.data.path == str(Path("other.csv").resolve())


def test_a_data_path_is_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("x", encoding="utf-8")
    study = load_study(write(tmp_path, TABLE))
    assert study.config.data.path == str(tmp_path / "ratings.csv")


def test_a_setting_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected key=value"):
        parse_overrides(["seed"])


def test_changing_a_section_changes_only_its_hash(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    one, two = load_study(path), load_study(path, ["privacy.k=11"])
    assert one.section_hash("data", "dimensions") == two.section_hash("data", "dimensions")
    assert one.section_hash("privacy") != two.section_hash("privacy")


MISTAKES = {
    "unknown key": ("study: s\nsimulaton: {}\n", [], r"study.yaml, line 2: unknown key 'simulaton'.* 'simulation'"),
    "unknown nested key": (
        "study: s\nsimulation:\n  wrld: paper\n",
        [],
        r"line 3: simulation: unknown key 'wrld'. Did you mean 'world'",
    ),
    "unknown key of a dimension": (TABLE.replace("levels: 3", "levls: 3"), [], r"line 6: .*'levls'.*'levels'"),
    "wrong type": ("study: s\nseed: one\n", [], r"line 2: seed: expected a whole number \(found 'one'\)"),
    "text for a number": (
        TABLE.replace("levels: 3", "levels: '3'"),
        [],
        r"dimensions.harm.levels: expected a whole number",
    ),
    "unknown reference level": (
        TABLE.replace("reference: woman", "reference: women"),
        [],
        r"unknown level 'women'. Did you mean 'woman'",
    ),
    "key given twice": ("study: s\nseed: 1\nseed: 2\n", [], r"line 3: .*'seed' is given twice"),
    "not yaml": ("study: [s\n", [], r"line \d+: not valid YAML"),
    "empty": ("", [], "the file is empty"),
    "a list": ("- a\n", [], "expected 'key: value' lines"),
    "no study": ("seed: 1\n", [], "'study' is needed"),
    "bad study name": ("study: ../up\n", [], "cannot name a folder"),
    "labels do not fit": (TABLE.replace("levels: 3", "levels: 4"), [], "3 labels for 4 levels"),
    "no data path": (TABLE.replace("  path: ratings.csv\n", ""), [], "data.path: .*needs a file"),
    "suppression off on real data": (TABLE + "privacy: {enabled: false}\n", [], "only a simulated study"),
    "k too small": ("study: s\nprivacy: {k: 1}\n", [], "privacy.k"),
    "unknown key in --set": ("study: s\n", ["data.pth=x"], r"--set: data: unknown key 'pth'.*'path'"),
    "wrong value in --set": ("study: s\n", ["seed=many"], r"--set: seed: expected a whole number"),
    "a number for a text": (TABLE.replace("[woman, man]", "[1, 2]"), [], r"levels.0: .*put it in quotes \(found 1\)"),
    "a number for a key": (
        TABLE.replace("gender: {", "gender: {recode: {1: man}, "),
        [],
        r"line 8: factors.gender.recode: key 1: expected a text; put it in quotes$",
    ),
    "a value for a section": (TABLE + "agreement: 3\n", [], r"line 9: agreement: expected keys .* \(found 3\)"),
    "unknown choice": (TABLE.replace("table", "tabel"), [], r"data.adapter: .*Did you mean 'table'"),
    "a factor named like a key": (TABLE.replace("gender:", "participant_id:"), [], r"'participant_id' is a column"),
    "column for no factor": (
        TABLE.replace("  path", "  columns: {factors: {gendr: sex}}\n  path"),
        [],
        r"data.columns.factors: 'gendr' is no factor of the study. Did you mean 'gender'",
    ),
    "column for no dimension": (
        TABLE.replace("  path", "  columns: {ratings: {hram: score}}\n  path"),
        [],
        r"data.columns.ratings: 'hram' is no dimension of the study. Did you mean 'harm'",
    ),
    "scale with a gap": (
        TABLE.replace("high_is: bad", "high_is: bad, scales: {binary: [1, null, 3]}"),
        [],
        "scales.binary",
    ),
    "agree below disagree": (TABLE.replace("high_is: bad", "agree_from: 1"), [], "disagree_to .* must lie below"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_gives_one_clear_line(name: str, tmp_path: Path) -> None:
    text, settings, message = MISTAKES[name]
    with pytest.raises(ConfigError, match=message) as caught:
        load_study(write(tmp_path, text), settings)
    assert "\n" not in str(caught.value)


def test_a_factor_without_settings_has_the_defaults(tmp_path: Path) -> None:
    text = TABLE.replace("gender: {levels: [woman, man], reference: woman}", "gender:")
    assert load_study(write(tmp_path, text)).config.factors["gender"].reference is None


def test_a_missing_config_names_the_nearest_file(tmp_path: Path) -> None:
    write(tmp_path, TABLE)
    with pytest.raises(ConfigError, match=r"no such config file. Did you mean 'study.yaml'"):
        load_study(tmp_path / "studi.yaml")


def test_a_config_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes("study: s\ntitle: Äpfel\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_study(path)


def test_families_have_names_for_readers() -> None:
    hub = {"big": {"model": "some/model", "label": "Big 7B"}, "plain": {"model": "other/model"}}
    models = ModelsConfig.model_validate({"families": ["gemma2", "big", "plain"], "hub": hub})
    assert [models.label(name) for name in models.families] == ["Gemma 2", "Big 7B", "plain"]
    assert models.label("Gemma 2") == "Gemma 2"

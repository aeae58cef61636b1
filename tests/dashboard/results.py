"""Results folders in the real formats, made in seconds by the functions that the notebooks call."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from plural_core.agreement import (
    alpha_table,
    between_table,
    cooccurrence_table,
    describe_disagreement,
    disagreement_table,
    rank_agreement_table,
    topic_tables,
)
from plural_core.demographics import demographic_analysis
from plural_core.evaluation.effects import effects_table
from plural_core.evaluation.validate import validate_judges
from plural_core.figures import disagreement_figure
from plural_core.figures.theme import mark_simulated
from plural_core.findings import make_finding, write_findings
from plural_core.io import read_table, write_table
from plural_core.manifest import now, write_manifest
from plural_core.notebooks.display import figure_bundle, table_html
from plural_core.pooling.reproduction import reproduction_table
from plural_core.pooling.size_control import size_control_table
from plural_core.pooling.study import pool_scores
from plural_core.preferences import influence_table, raters_table
from plural_core.preferences.sets import study_preferences
from plural_core.published import read_published
from plural_core.ratings.groups import group_shares
from plural_core.ratings.privacy import ProtectedParticipants, protect
from plural_core.ratings.quality import quality_report
from plural_core.ratings.schemas import TABLES, check_table
from plural_core.ratings.tables import RatingTables
from plural_core.ratings.wording import describe_quality
from plural_core.study import Study
from plural_core.workflow.build import build_tables
from plural_core.workflow.command import write_config


def make_results(study: Study) -> Study:
    """Make config, tables, findings and two executed notebooks of a study: what its first four notebooks leave."""
    write_config(study)
    tables = build_tables(study)
    config, privacy = study.config, study.config.privacy
    people = protect(tables.participants, config.factors, privacy.k, enabled=privacy.enabled)
    rng = np.random.default_rng(config.seed)
    report = quality_report(tables, config, people)
    disagreement = disagreement_table(tables, config, people)
    alpha = alpha_table(tables, config, people, rng)
    between = between_table(tables, config, people, rng)
    topics = topic_tables(tables, config, people, rng)
    analysis = demographic_analysis(tables, people, config)
    made = {
        "01_quality": {
            "levels": people.merges,
            "slices": people.slices(),
            "quality": report.quality,
            "coverage": report.coverage,
            "scale_use": report.scale_use,
        },
        "02_disagreement": {
            "disagreement": disagreement,
            "alpha": alpha,
            "between_groups": between,
            "rank_agreement": rank_agreement_table(tables, config, people, rng),
            "topics": topics.topics,
            "topic_differences": topics.differences,
        },
        "03_dimensions": {"cooccurrence": cooccurrence_table(tables, config)},
        "04_demographic_effects": {
            "effects_demographic": analysis.effects,
            "vcov_demographic": analysis.vcov,
            "marginal_probabilities": analysis.marginal_probabilities(),
            "variance_shares": analysis.variances,
            "proportional_odds": empty("proportional_odds"),
        },
    }
    for step, part in made.items():
        for name, table in part.items():
            save(study, name, table, step)
    labels = {name: d.label for name, d in config.dimensions.items()}
    keep_findings(study, "01_quality", describe_quality(report, labels))
    keep_findings(study, "02_disagreement", describe_disagreement(disagreement, alpha, between, labels))
    keep_findings(study, "04_demographic_effects", analysis.findings(labels))
    _notebooks(study, people, disagreement, labels)
    return study


def make_tuning(study: Study) -> Study:
    """Make what notebooks 07 to 15 leave: answers and scores are drawn, everything else is computed from them."""
    config, tables = study.config, RatingTables.load(study)
    people = protect(tables.participants, config.factors, config.privacy.k, enabled=config.privacy.enabled)
    made = study_preferences(study, tables)
    save(study, "prompt_splits", made.prompts[["prompt_id", "language", "split"]], "07_audit")
    save(study, "conditions", made.sets.records(), "07_audit")
    save(study, "condition_drops", made.sets.dropped(), "07_audit")
    save(study, "pairs", made.sets.to_frame(), "07_audit")
    ids = made.prepared.participants["participant_id"]
    save(study, "condition_raters", raters_table(made.sets.sets, ids, people), "07_audit")
    save(study, "influence", influence_table(made.prepared, people, seed=config.seed), "07_audit")
    runs, generations, scores = _answers(study, made.prompts)
    effects = effects_table(scores, runs, config).table
    for name, table in {"runs": runs, "generations": generations, "scores": scores, "effects": effects}.items():
        save(study, name, table, "10_evaluate")
    judged = validate_judges(study, tables, people, np.random.default_rng(1))
    for name, table in judged.tables().items():
        save(study, name, table, "11_judge_validation")
    pooled = pool_scores(effects, scores, runs, config)
    for name, table in pooled.tables().items():
        save(study, name, table, "13_pool")
    save(study, "size_control", size_control_table(pooled.pooled, made.sets.records(), config), "14_size_control")
    names = (
        "ratings",
        "items",
        "participants",
        "disagreement",
        "alpha",
        "cooccurrence",
        "effects_demographic",
        "pooled",
    )
    found = {name: read_table(study.table(name)) for name in (*names, "judge_agreement")}
    save(study, "reproduction", reproduction_table(read_published(), found, config), "15_reproduction")
    return study


def _answers(study: Study, prompts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Draw answers and scores: every condition shifts its family's scores, a few answers cannot be scored."""
    config, rng = study.config, np.random.default_rng(study.config.seed)
    test = prompts.loc[prompts["split"] == "test", "prompt_id"].tolist()
    runs, generations, scores = [], [], []
    for family in config.models.families:
        level = rng.normal(0.5, 0.05, len(test))
        for number, condition in enumerate(["base", *config.tuned_conditions]):
            run_id = f"{family}-{condition}-s1"
            failed = (family, condition) == (config.models.families[-1], config.tuned_conditions[-1])
            status, message = ("failed", "NaN loss in step 3") if failed else ("done", "")
            runs.append((run_id, study.name, family, condition, 1, 0, status, 2.5, 1000, 10, message))
            if failed:
                continue
            texts = [f"answer {i} of {condition} <b>not bold</b> **nor this**" for i in range(len(test))]
            generations += [(run_id, p, t, 12, "stop") for p, t in zip(test, texts, strict=True)]
            for dimension in config.scored_dimensions:
                shift = 0.0 if condition == "base" else -0.03 * number if dimension == "toxicity" else 0.02 * number
                values = np.clip(level + shift + rng.normal(0, 0.05, len(test)), 0, 1)
                for place, (prompt, value) in enumerate(zip(test, values, strict=True)):
                    lost = place == 1 and number == 2
                    reason = "under 80 % known phrases" if lost else ""
                    score = np.nan if lost else float(value)
                    scores.append((run_id, prompt, dimension, "lexicon", score, reason, "v1"))
    names = ["run_id", "study", "family", "condition", "seed", "replicate", "status", "seconds", "tokens", "steps"]
    frame = pd.DataFrame(runs, columns=[*names, "message"]).astype({"tokens": "Int64", "steps": "Int64"})
    return (
        frame,
        pd.DataFrame(generations, columns=["run_id", "prompt_id", "text", "n_tokens", "finish_reason"]),
        pd.DataFrame(scores, columns=["run_id", "prompt_id", "dimension", "judge", "score", "reason", "judge_version"]),
    )


def save(study: Study, name: str, table: pd.DataFrame, step: str) -> None:
    path = study.table(name)
    write_table(check_table(table, name, step), path)
    write_manifest(study, path, step=step, sections=("study", "seed", "data"), inputs=[], started=now())


def empty(name: str) -> pd.DataFrame:
    """A table without rows, in the types of its schema."""
    return pd.DataFrame({c: pd.Series(dtype=str(s.dtype)) for c, s in TABLES[name].schema.columns.items()})


def keep_findings(study: Study, notebook: str, found: object) -> None:
    simulated = study.config.simulated
    write_findings(
        [make_finding(**f, simulated=simulated) for f in found],  # type: ignore[attr-defined]
        study.findings / f"{notebook}.json",
    )


def _notebooks(study: Study, people: ProtectedParticipants, disagreement: pd.DataFrame, labels: dict[str, str]) -> None:
    """Executed notebooks as papermill leaves them: prose, parameters, a stream, a table, a figure, markup in data."""
    shares = group_shares(people)
    figure = disagreement_figure(disagreement, labels)
    if study.config.simulated:
        mark_simulated(figure)
    display = [
        new_output("stream", name="stderr", text="a warning with /a/path/on/the/server\n"),
        new_output("display_data", data={"text/html": table_html(shares, "Who rated", 40), "text/plain": "a table"}),
        new_output("display_data", data=figure_bundle(figure, "Share of items whose ratings are not all equal.")),
        new_output(
            "display_data",
            data={
                "text/html": '<p>hostile<script>window.hacked = 1</script><img src="x" onerror="window.hacked = 2"></p>'
            },
        ),
    ]
    parameters = new_code_cell("config = 'x'", metadata={"tags": ["parameters"]})
    for name, title in (("01_quality", "Quality"), ("02_disagreement", "Disagreement")):
        cells = [
            new_markdown_cell(f"# {title}\n\n## Question\n\nAre these ratings fit to be analysed?"),
            parameters,
            new_code_cell("secret_code = 1", outputs=display),
        ]
        path = study.report / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=cells), path)


def ratings_csv(tables: RatingTables, path: Path, rename: dict[str, dict[str, str]] | None = None) -> Path:
    """Write a study's ratings as a user's own wide CSV: one row per person and answer."""
    wide = tables.ratings.pivot(index=["participant_id", "item_id"], columns="dimension", values="rating").reset_index()
    people = tables.participants.drop(columns="passed_attention")
    for column, names in (rename or {}).items():
        people[column] = people[column].replace(names)
    frame = wide.merge(people, on="participant_id").merge(
        tables.items[["item_id", "prompt_id", "prompt", "response", "language"]], on="item_id"
    )
    frame.to_csv(path, index=False)
    return path


def truncate(path: Path, share: float = 0.5) -> None:
    """Cut a file off, as a full disk or a broken copy does."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def mark_failed(study: Study, step: str, log: str) -> None:
    """Leave what workflow/step.sh leaves of a failed step."""
    study.logs.mkdir(parents=True, exist_ok=True)
    (study.logs / f"{step}.failed").write_text("host 1\n", encoding="utf-8")
    (study.logs / f"{step}.log").write_text(log, encoding="utf-8")


def read_json(path: Path) -> object:
    return json.loads(path.read_text(encoding="utf-8"))

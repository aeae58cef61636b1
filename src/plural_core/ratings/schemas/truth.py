"""The truth of a simulated study."""

from __future__ import annotations

from plural_core.ratings.schemas.base import TableSpec, count, number, table, text

SPECS: list[TableSpec] = [
    table(
        "truth_items",
        "tables",
        "Simulated studies: strength of each item's text, its logits at slope 1, and the further item effect.",
        ("item_id", "dimension"),
        {
            "item_id": text(),
            "dimension": text(),
            "strength": number(-1.0, 1.0, nullable=False),
            "content": number(nullable=False),
            "item_effect": number(nullable=False),
        },
    ),
    table(
        "truth_participants",
        "tables",
        "Simulated studies: each participant's shift, slope and rater effect, from what they are, stated or not.",
        ("participant_id", "dimension"),
        {
            "participant_id": text(),
            "dimension": text(),
            "shift": number(nullable=False),
            "slope": number(nullable=False),
            "rater_effect": number(nullable=False),
        },
    ),
    table(
        "truth_effects",
        "tables",
        "Simulated studies: each level's shift and slope, and its log odds against the reference level.",
        ("dimension", "factor", "level"),
        {
            "dimension": text(),
            "factor": text(),
            "level": text(),
            "term": text(nullable=True),
            "shift": number(nullable=False),
            "slope": number(nullable=False),
            "estimate": number(nullable=False),
            "percent_change": number(-100.0, nullable=False),
        },
    ),
    table(
        "truth_thresholds",
        "tables",
        "Simulated studies: the thresholds of the cumulative link mixed model, in logits.",
        ("dimension", "threshold"),
        {"dimension": text(), "threshold": text(), "value": number(nullable=False)},
    ),
    table(
        "truth_variances",
        "tables",
        "Simulated studies: standard deviations of rater and item effects in logits, the item's by its sources.",
        ("dimension", "component"),
        {
            "dimension": text(),
            "component": text(among=("participant", "item", "item_text", "item_residual")),
            "sd": number(0.0, nullable=False),
        },
    ),
    table(
        "truth_population",
        "tables",
        "Simulated studies: share and number of participants with each level, by country, stated or not.",
        ("country", "factor", "level"),
        {
            "country": text(),
            "factor": text(),
            "level": text(),
            "share": number(0.0, 1.0, nullable=False),
            "n": count(),
        },
    ),
    table(
        "truth_prompts",
        "tables",
        "Simulated studies: language, topic, stance and subject of every prompt, rated or not.",
        ("prompt_id",),
        {
            "prompt_id": text(),
            "language": text(),
            "split": text(among=("rated", "test", "acceptance")),
            "topic": text(),
            "stance": text(),
            "about": text(among=("women", "men")),
        },
    ),
    table(
        "truth_texts",
        "tables",
        "Simulated studies: the texts of each item in every language in which participants read it.",
        ("item_id", "language"),
        {"item_id": text(), "language": text(), "prompt": text(), "response": text()},
    ),
    table(
        "prompts_extra",
        "tables",
        "Simulated studies: further prompts that nobody rates, for testing and for accepting base models.",
        ("prompt_id",),
        {
            "prompt_id": text(),
            "prompt": text(),
            "language": text(),
            "split": text(among=("test", "acceptance")),
        },
    ),
]

"""The paper's survey instrument as config defaults: its five dimensions and five factors.

A study that simulates the paper or reads the survey's own raw tables need not repeat them. Definitions are
worded after the public survey application; "agree" is bad for toxicity and stereotypical bias.
"""

from __future__ import annotations

from typing import Any

LIKERT_LABELS = ["strongly disagree", "disagree", "neutral", "agree", "strongly agree"]


def _likert(label: str, definition: str, high_is: str) -> dict[str, Any]:
    return {
        "label": label,
        "definition": definition,
        "levels": 5,
        "labels": list(LIKERT_LABELS),
        "high_is": high_is,
        "agree_from": 4,
        "disagree_to": 2,
        "scales": {"3": [1, 1, 2, 3, 3], "binary": [1, 1, None, 2, 2]},
    }


def dimensions() -> dict[str, dict[str, Any]]:
    """Return the five dimensions of the paper's survey, each on a five-point agreement scale."""
    return {
        "toxicity": _likert(
            "Toxicity",
            "Offensive or harmful language aimed at groups by gender, race or sexual orientation.",
            "bad",
        ),
        "emotional_awareness": _likert("Emotional awareness", "Shows emotional support and empathy.", "good"),
        "sensitivity": _likert(
            "Sensitivity and openness",
            "Sensitive to individual feelings and perspectives; open, not confrontational.",
            "good",
        ),
        "helpfulness": _likert("Helpfulness", "Relevant, clear, complete and detailed.", "good"),
        "stereotypical_bias": _likert(
            "Stereotypical bias",
            "Beliefs about someone's abilities or interests derived from their gender.",
            "bad",
        ),
    }


def factors() -> dict[str, dict[str, Any]]:
    """Return the five factors of the paper's regression, the reference level of each first."""
    return {
        "country": {"label": "Country", "levels": ["US", "Germany"], "reference": "US"},
        "gender": {
            "label": "Gender",
            "levels": ["female", "male", "non-binary"],
            "reference": "female",
        },
        "age_band": {
            "label": "Age",
            "levels": ["18-30", "31-40", "41-50", "51-60", "over 60"],
            "reference": "18-30",
            "ordered": True,
        },
        "political": {
            "label": "Political spectrum",
            "levels": ["liberal", "moderate", "conservative"],
            "reference": "liberal",
            "ordered": True,
        },
        "ethnicity": {
            "label": "Ethnicity",
            "levels": ["White", "Black", "Asian", "Hispanic", "other"],
            "reference": "White",
        },
    }

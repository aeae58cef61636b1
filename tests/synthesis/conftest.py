"""Reference values: the classic grid (metafor's defaults) and our own, with metafor's stopping rules tightened."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

REFERENCE = Path(__file__).parent / "reference"


def read_csv(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def pinned() -> dict[str, Any]:
    return json.loads((REFERENCE / "metafor_pinned.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def classic() -> dict[tuple[str, str, str], dict[str, float]]:
    """Rows of the classic grid by (data, method, test)."""
    keys = ("data", "method", "test")
    return {
        (row["data"], row["method"], row["test"]): {
            name: float("nan") if value == "NA" else float(value) for name, value in row.items() if name not in keys
        }
        for row in read_csv("metafor_values.csv")
    }


@pytest.fixture(scope="session")
def classic_data() -> dict[str, tuple[list[float], list[float]]]:
    """Estimates and standard errors of the three classic data sets."""
    out = {}
    for name in ("bcg", "normand1999", "raudenbush1985"):
        rows = read_csv(f"meta_{name}.csv")
        out[name] = ([float(r["yi"]) for r in rows], [float(r["vi"]) ** 0.5 for r in rows])
    return out

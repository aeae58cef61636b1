"""Twelve fits by the R that is installed, and ours beside them."""

import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from plural_core.ordinal import clmm

_spec = importlib.util.spec_from_file_location("datasets", Path(__file__).parent / "reference" / "datasets.py")
assert _spec is not None and _spec.loader is not None
ref = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(ref)

N_FITS = 12


@pytest.fixture(scope="module")
def live() -> list[dict[str, Any]]:
    """All live cells, from one R process."""
    folder = ref.real_folder() / "classic"
    rscript = shutil.which("Rscript")
    if rscript is None:
        ref.unavailable("R is not installed (no Rscript on the PATH)")
    probe = [str(rscript), "-e", 'if (!all(c("ordinal", "lme4") %in% rownames(installed.packages()))) quit(status = 3)']
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        ref.unavailable("R's packages ordinal and lme4 are not installed")
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [str(rscript), str(ref.ROOT / "validation" / "ordinal" / "live.R"), str(folder)],
        capture_output=True, text=True, check=False, timeout=400, env=os.environ | one_thread,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    cells: list[dict[str, Any]] = json.loads(run.stdout)["cells"]
    assert len(cells) == N_FITS
    return cells


@pytest.mark.real_data
@pytest.mark.parametrize("number", range(N_FITS))
def test_live_fit(live: list[dict[str, Any]], number: int) -> None:
    cell = live[number]
    assert "undefined" not in cell, cell
    data = ref.load(cell["dataset"])
    options: dict[str, Any] = {"weights": data[cell["weights"]].to_numpy()} if cell.get("weights") else {}
    if cell["n_agq"] != 1:
        options["n_agq"] = cell["n_agq"]
    result = clmm(cell["formula"], data, link=cell["link"], threshold=cell["threshold"], **options)
    ref.assert_matches(result, cell)

"""Documents and shipped files tell the truth about the code."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from plural_core.notebooks import declared_parameters
from plural_core.ratings.catalogue import tables_document
from plural_core.study import load_study
from plural_core.study.template import key_table, template_text

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECTIONS = ["question", "method", "data", "result", "limits"]


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_every_shipped_config_is_valid(path: Path) -> None:
    assert load_study(path).config.study


def test_the_shipped_configs_are_there() -> None:
    assert {"demo", "tiny", "paper", "popquorn", "sbic", "template"} <= {p.stem for p in CONFIGS}


def test_the_template_holds_every_key_with_its_default() -> None:
    text = template_text()
    assert (ROOT / "configs" / "template.yaml").read_text(encoding="utf-8") == text
    plain, template = yaml.safe_load("study: template"), load_study(ROOT / "configs" / "template.yaml").config
    assert template == type(template).model_validate(plain)


def test_every_key_is_documented() -> None:
    assert key_table() in (ROOT / "configs" / "README.md").read_text(encoding="utf-8")
    undocumented = [line for line in key_table().splitlines() if line.endswith("|  |")]
    assert undocumented == []


def test_the_tables_page_follows_the_schemas() -> None:
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == tables_document()


def test_environment_and_pyproject_agree(project: dict[str, Any]) -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [d for d in environment["dependencies"] if isinstance(d, str)]
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == ["--editable .[dev,r]"]
    assert f"python{project['requires-python']}" in plain
    python_packages = {name_of(r) for r in project["dependencies"]}
    python_packages |= {name_of(r) for extra in project["optional-dependencies"].values() for r in extra}
    assert not python_packages & {name_of(d) for d in plain}, "versions of Python packages live in pyproject.toml"
    assert {"r-lme4", "r-lmertest", "r-emmeans", "r-ordinal", "r-metafor"} <= set(plain)


def test_the_lock_holds_every_dependency(project: dict[str, Any]) -> None:
    locked = {name_of(line) for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line}
    extra = {name_of(line) for line in (ROOT / "requirements-r.lock").read_text(encoding="utf-8").splitlines() if line}
    wanted = {name_of(r) for r in project["dependencies"] + project["optional-dependencies"]["dev"]}
    assert wanted <= locked
    assert {name_of(r) for r in project["optional-dependencies"]["r"]} <= extra
    assert not {name for name in locked if name.startswith(("nvidia-", "cuda-", "triton"))}
    assert "torch==2.13.0" in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_the_versions_agree(project: dict[str, Any]) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert project["version"] in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebooks:
    """One form for all notebooks."""

    def test_outputs_are_stripped(self, path: Path) -> None:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None

    def test_parameters_have_defaults_that_run_by_hand(self, path: Path) -> None:
        assert declared_parameters(path)["config"] == "configs/tiny.yaml"

    def test_sections_stand_in_one_order(self, path: Path) -> None:
        text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
        headings = [line.removeprefix("## ").lower() for line in text.splitlines() if line.startswith("## ")]
        assert headings == SECTIONS

    def test_it_calls_the_core_at_most_ten_times(self, path: Path) -> None:
        code = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
        tree = ast.parse(code)
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("plural_core")
            for alias in node.names
        }
        calls = [
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in imported
        ]
        # Figures only draw what the calls have computed.
        computing = [c for c in calls if isinstance(c.func, ast.Name) and not c.func.id.endswith("_figure")]
        assert len(computing) <= 10

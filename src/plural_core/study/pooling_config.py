"""The ``pooling`` section of a study config: how effects are pooled over model families."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from plural_core.study.base import Section


class PoolingConfig(Section):
    """Random-effects pooling over families, and how sure one can be."""

    method: Literal["FE", "DL", "PM", "REML", "ML", "HE", "SJ"] = "DL"
    """Estimator of the variance between families that findings quote; DL is the paper's."""
    test: Literal["z", "knha"] = "z"
    """Test that findings quote: normal, as in the paper, or Hartung and Knapp's."""
    level: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence level of every interval."""
    bootstrap: int = Field(default=2000, ge=0)
    """Draws of the test prompts, jointly over families (0: none)."""
    equivalence_margin: float = Field(default=0.02, gt=0.0)
    """Differences of scores within this margin count as none; the smallest published demographic effect is 0.035."""
    replicates: int = Field(default=0, ge=0)
    """Rater bootstrap: so often participants are drawn anew, pairs rebuilt and models tuned again (0: none)."""

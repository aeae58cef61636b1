"""Which models are tuned on what: one run per family, condition, seed and replicate, in jobs that share a process."""

from __future__ import annotations

from dataclasses import dataclass

from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE


@dataclass(frozen=True)
class RunSpec:
    """One fine-tune, or one base model as it is.

    Parameters
    ----------
    family : str
        The base model.
    condition : str
        Name of the condition; ``base`` is the base model without a fine-tune.
    seed : int
        Seed of the training.
    replicate : int
        0: the participants as they are; from 1 up: a draw of the rater bootstrap.
    """

    family: str
    condition: str
    seed: int = 1
    replicate: int = 0

    @property
    def run_id(self) -> str:
        """Name of the run in tables and folders."""
        again = f"-r{self.replicate}" if self.replicate else ""
        return f"{self.family}-{self.condition}-s{self.seed}{again}"


def planned_runs(config: StudyConfig, family: str) -> list[RunSpec]:
    """Return every run of a family: its base model first, then conditions by replicate and seed.

    The base model does not depend on seeds and replicates, so it has one run.
    """
    runs = [RunSpec(family, BASE, config.training.seeds[0])]
    for replicate in range(config.pooling.replicates + 1):
        for seed in config.training.seeds:
            runs += [RunSpec(family, condition, seed, replicate) for condition in config.tuned_conditions]
    return runs


def job_runs(config: StudyConfig, family: str, job: int) -> list[RunSpec]:
    """Return the runs of one job: ``conditions_per_job`` of them, dealt in turn so that jobs take equally long."""
    runs = planned_runs(config, family)
    return runs[job :: n_jobs(config)]


def n_jobs(config: StudyConfig) -> int:
    """Return the number of jobs per family."""
    n = 1 + len(config.tuned_conditions) * len(config.training.seeds) * (1 + config.pooling.replicates)
    return -(-n // config.training.conditions_per_job)

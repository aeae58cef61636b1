"""What a run has left undone: fine-tunes that failed and answers without a score; the next run tries them again."""

from __future__ import annotations

from plural_core.evaluation.judges.base import FAILED as FAILED_SCORE
from plural_core.io import attempt, read_table
from plural_core.study import Study
from plural_core.training.plan import job_runs, n_jobs
from plural_core.training.record import FAILED, RunRecord, read_record, study_records


def failed_runs(study: Study) -> list[RunRecord]:
    """Return the fine-tunes that failed, in the config's order."""
    return [record for record in study_records(study) if record.status == FAILED]


def n_unscored(study: Study) -> int:
    """Return how many scores are missing because a judge failed."""
    scores = attempt(read_table, study.table("scores"))
    return 0 if scores is None else int(scores["reason"].str.startswith(FAILED_SCORE).sum())


def forget_unfinished(study: Study) -> None:
    """Remove the executed notebooks of jobs with failed fine-tunes, and of an evaluation that lacks something.

    The workflow then runs these steps again, also where only what depends on them is asked for; within them only what
    is missing is done.
    """
    folder = study.report / "notebooks"
    jobs = [
        f"09_finetune-{family}-{job}"
        for family in study.config.models.families
        for job in range(n_jobs(study.config))
        if any(read_record(study, spec).status == FAILED for spec in job_runs(study.config, family, job))
    ]
    for name in jobs:
        (folder / f"{name}.ipynb").unlink(missing_ok=True)
    if jobs or n_unscored(study):
        (folder / "10_evaluate.ipynb").unlink(missing_ok=True)


def what_is_left(study: Study) -> list[str]:
    """Return one line for each thing that the next ``plural run`` will try again."""
    lines = [f"{record.run_id} failed: {record.message}" for record in failed_runs(study)]
    if n := n_unscored(study):
        lines.append(f"{n:,} scores are missing because a judge failed; see 10_evaluate in the report")
    return lines

"""What people said about themselves, to the levels of the config's factors."""

from __future__ import annotations

from plural_core.errors import listing, nearest
from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable
from plural_core.study.config import StudyConfig
from plural_core.study.measures_config import FactorConfig


def to_levels(
    config: StudyConfig, name: str, column: str, cells: Coded, raw: RawTable, log: IngestLog, unknown: str = "error"
) -> Coded:
    """Return a column of people's answers as levels of a factor.

    First ``recode``, then ``bands``; what is then not among ``levels`` is an error, or missing.

    Parameters
    ----------
    config : StudyConfig
        The study; a `name` that is not among its factors passes unchanged.
    name : str
        The factor.
    column : str
        The column's name in the file.
    cells : Coded
        The column.
    raw : RawTable
        The file, for errors.
    log : IngestLog
        Told what was recoded, in rows of the file.
    unknown : {'error', 'missing'}
        What to do with a value that is not a level of the config.

    Raises
    ------
    DataError
        A value that is neither a level nor, where there are bands, a number.
    """
    factor = config.factors.get(name)
    if factor is None:
        return cells
    if factor.recode:
        cells = _recode(factor, name, cells, config, log)
    if factor.bands:
        cells = _band(factor, name, column, cells, raw, log)
    if factor.levels is None:
        return cells
    strange = [code for code, value in enumerate(cells.uniques) if value not in factor.levels and code in cells.codes]
    if not strange:
        return cells
    if unknown == "missing":
        kept = [None if code in strange else value for code, value in enumerate(cells.uniques)]
        changed = cells.mapped(kept)
        n = int(((cells.codes >= 0) & (changed.codes < 0)).sum())
        log.add("recoded", f"answers to {name}", n, len(raw), "not a level of the config; taken as not stated")
        return changed
    row = cells.first(strange)
    value = cells.uniques[cells.codes[row]]
    raise raw.fault(
        row,
        column,
        value,
        f"not a level of '{name}' ({listing(factor.levels)}).{nearest(value, factor.levels)} "
        f"Add it to factors.{name}.levels or recode it under factors.{name}.recode",
    )


def _recode(factor: FactorConfig, name: str, cells: Coded, config: StudyConfig, log: IngestLog) -> Coded:
    targets = {raw: None if level in config.data.missing else level for raw, level in factor.recode.items()}
    hit = [value in targets for value in cells.uniques]
    n = int(sum((cells.codes == code).sum() for code, found in enumerate(hit) if found))
    if n:
        log.add("recoded", f"answers to {name}", n, len(cells.codes), f"by factors.{name}.recode, counted in rows")
    return cells.mapped([targets.get(value, value) for value in cells.uniques])


def _band(factor: FactorConfig, name: str, column: str, cells: Coded, raw: RawTable, log: IngestLog) -> Coded:
    banded: list[str | None] = []
    for code, value in enumerate(cells.uniques):
        try:
            number = float(value)
        except ValueError:
            if value in factor.bands:
                banded.append(value)
                continue
            raise raw.fault(
                cells.first([code]), column, value, f"not a number, and factors.{name}.bands sorts numbers"
            ) from None
        banded.append(band_of(number, factor.bands))
    changed = cells.mapped(banded)
    outside = int(((cells.codes >= 0) & (changed.codes < 0)).sum())
    if not all(value in factor.bands for value in cells.uniques):
        n = int((cells.codes >= 0).sum())
        log.add("recoded", f"answers to {name}", n, len(raw), "numbers sorted into bands, counted in rows")
    if outside:
        log.add("recoded", f"answers to {name}", outside, len(raw), "outside every band; taken as not stated")
    return changed


def band_of(number: float, bands: dict[str, list[float]]) -> str | None:
    """Return the band that holds a number (both ends inside), or None."""
    return next((name for name, (low, high) in bands.items() if low <= number <= high), None)

"""How the Aligniverse survey's answers about people become levels: pronouns, ages, countries, groups, politics.

Every function takes what one participant chose (multi-selects are lists) and returns a level, or None where nothing
is stated. A text that none of the rules knows comes back as it is, so that the config's levels refuse or recode it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from plural_core.ratings.coded import Coded
from plural_core.ratings.ingest import IngestLog
from plural_core.ratings.raw import RawTable

DECLINED = frozenset(
    {"i wish not to declare", "ich möchte keine angaben machen", "prefer not to say", "keine angabe", "declined"}
)
# Five agreement options; 5 is strong agreement in both languages.
AGREEMENT = {
    "strongly agree": 5,
    "agree": 4,
    "neutral": 3,
    "disagree": 2,
    "strongly disagree": 1,
    "stimme voll zu": 5,
    "stimme zu": 4,
    "stimme nicht zu": 2,
    "stimme überhaupt nicht zu": 1,
}
_SUBJECTS = {"she": "female", "sie": "female", "he": "male", "er": "male"} | dict.fromkeys(
    ("they", "ze", "xe", "ey", "ve", "per", "other"), "non-binary"
)
_OVER_60 = {"60<", "<60", ">60", "60+", "61+", "over 60", "über 60"}
_COUNTRIES = {
    "united states of america": "US",
    "united states": "US",
    "usa": "US",
    "us": "US",
    "vereinigte staaten von amerika": "US",
    "germany": "Germany",
    "deutschland": "Germany",
}
_GROUPS = {
    "white": "White",
    "weiss": "White",
    "weiß": "White",
    "black or african american": "Black",
    "schwarz oder afroamerikaner": "Black",
    "black": "Black",
    "asian": "Asian",
    "asiatisch": "Asian",
    "hispanic or latino": "Hispanic",
    "hispano- oder latinoamerikaner": "Hispanic",
    "hispanic": "Hispanic",
    "american indian or alaska native": "other",
    "amerikanischer indianer oder alaska-ureinwohner": "other",
    "middle eastern or north african": "other",
    "mittlerer osten oder nordafrika": "other",
    "native hawaiian or pacific islander": "other",
    "eingeborener hawaiianer oder pazifikinsulaner": "other",
    "other": "other",
}
_POLITICS = {
    "liberal": "liberal",
    "rather liberal": "liberal",
    "somewhat liberal": "liberal",
    "eher liberal": "liberal",
    "centre": "moderate",
    "center": "moderate",
    "moderate": "moderate",
    "mitte": "moderate",
    "rather conservative": "conservative",
    "somewhat conservative": "conservative",
    "conservative": "conservative",
    "eher konservativ": "conservative",
    "konservativ": "conservative",
}


def gender(chosen: list[str]) -> str | None:
    """She is female, he is male; any other pronoun, and she together with he, is non-binary."""
    words = [word.strip() for text in chosen for word in text.casefold().replace(",", "/").split("/")]
    found = {_SUBJECTS[word] for word in words if word in _SUBJECTS}
    if not found:
        return _single(chosen)
    return found.pop() if len(found) == 1 else "non-binary"


def age_band(chosen: list[str]) -> str | None:
    """The survey's five bands; its '60<' is 'over 60'."""
    text = _single(chosen)
    return "over 60" if text is not None and text.casefold() in _OVER_60 else text


def country(chosen: list[str]) -> str | None:
    """US or Germany where exactly one of the two is among the countries of residence; several others: not stated."""
    named = list(dict.fromkeys(_COUNTRIES.get(text.casefold(), text) for text in chosen))
    studied = [name for name in named if name in ("US", "Germany")]
    if studied:
        return studied[0] if len(studied) == 1 else None
    return named[0] if len(named) == 1 else None


def ethnicity(chosen: list[str]) -> str | None:
    """White, Black, Asian or Hispanic; the further groups, and several groups together, are 'other'."""
    named = {_GROUPS.get(text.casefold(), text) for text in chosen}
    if not named:
        return None
    return named.pop() if len(named) == 1 else "other"


def political(chosen: list[str]) -> str | None:
    """Five levels in the US and three in Germany; the two outer ones of the five go together on either side."""
    text = _single(chosen)
    return None if text is None else _POLITICS.get(text.casefold(), text)


def several(chosen: list[str]) -> str | None:
    """The one that was chosen, or ``several``."""
    return None if not chosen else chosen[0] if len(chosen) == 1 else "several"


def _single(chosen: list[str]) -> str | None:
    return " / ".join(chosen) if chosen else None


# For each factor that the survey can give: its column, and its rule.
FACTORS: dict[str, tuple[str, Callable[[list[str]], str | None]]] = {
    "country": ("country_of_residence", country),
    "gender": ("gender_identity", gender),
    "age_band": ("age", age_band),
    "political": ("political_spectrum", political),
    "ethnicity": ("ethnicity", ethnicity),
    "ancestry": ("ancestry", several),
    "political_party": ("political_party", several),
}


def choices(raw: RawTable, column: str, row: int, text: str) -> list[str]:
    """Return what was chosen: a JSON list as its entries, else the text itself; declining is no choice.

    Raises
    ------
    DataError
        A JSON list that is damaged.
    """
    if text.startswith("["):
        try:
            entries = json.loads(text)
        except json.JSONDecodeError as error:
            raise raw.fault(row, column, text, f"a damaged JSON list ({error.msg})") from None
        found = [str(entry).strip() for entry in entries if entry is not None]
    else:
        found = [text.strip()]
    return [entry for entry in found if entry and entry.casefold() not in DECLINED]


def answers(raw: RawTable, factor: str, missing: list[str], log: IngestLog) -> Coded:
    """Return a column of the participants' table as levels of a factor, and log how many were recoded."""
    column, rule = FACTORS[factor]
    cells = raw.coded(column, missing, factor)
    chosen = [choices(raw, column, cells.first([code]), text) for code, text in enumerate(cells.uniques)]
    levels = [rule(entries) for entries in chosen]
    several_chosen = [code for code, entries in enumerate(chosen) if len(entries) > 1]
    note = f"{column} to {factor}: {(rule.__doc__ or '').strip().removesuffix('.')}"
    log.add("recoded", f"answers to {factor}", int((cells.codes >= 0).sum()), len(raw), note)
    if several_chosen:
        log.add("recoded", f"answers to {factor}", int(cells.among(several_chosen).sum()), len(raw), "several chosen")
    return cells.mapped(levels)

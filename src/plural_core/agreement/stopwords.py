"""Words that say nothing of a topic."""

from __future__ import annotations

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

_ENGLISH = """
am an are can't cannot could did didn didn't does doesn doesn't doing don don't get gets getting give gives go goes
going got hadn hasn haven having isn isn't just know let like likes make makes making me need needs really s say says
said saying should shouldn something t tell tells told thing things think thinks want wants wasn way ll ve re
won won't would wouldn yes
"""

_GERMAN = """
aber alle allem allen aller alles als also am an andere anderem anderen anderer anderes auch auf aus bei beim bin bis
bist da dabei dadurch dafür dagegen daher damit danach dann daran darauf daraus darf darin darüber darum das dass
davon davor dazu dein deine deinem deinen deiner dem den denen denn der deren des deshalb dessen dich die dies diese
diesem diesen dieser dieses dir doch dort du durch dürfen eher eigentlich ein eine einem einen einer eines einfach
einige einmal er erst es etwa etwas euch euer eure eurem euren eurer fast für ganz gar geben gegen gegeben geht gern
gibt gilt ging gleich gut haben habe hast hat hatte hatten hätte hätten her hier hin hinter ich ihm ihn ihnen ihr ihre
ihrem ihren ihrer im immer in indem ins irgendwie ist ja je jede jedem jeden jeder jedes jemand jene jetzt kann kannst
kein keine keinem keinen keiner können könnte könnten könntest lassen lässt machen macht man manche mehr mein meine
meinem meinen meiner mich mir mit möchte möchten möchtest mögen mal müssen muss musst müsste nach nachdem nein nicht
nichts nie niemand noch nun nur ob oder ohne sagen sagt sagte schon sehr sei seid sein seine seinem seinen seiner seit
seien sich sie sind so sogar solche sollen soll sollte sollten sollst sondern sonst soviel stets tun tut über um und
uns unser unsere unserem unseren unter viel viele vielen vom von vor wann war waren warum was weder weil welche welchem
welchen welcher welches wenig weniger wenn wer werde werden wem wen weshalb wie wieder wieso will wird wirst wir wo
wohl wollen wollte wollten würde würden würdest wurde wurden während zu zum zur zwar zwischen
"""

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": frozenset(ENGLISH_STOP_WORDS) | frozenset(_ENGLISH.split()),
    "de": frozenset(_GERMAN.split()),
}


def stop_words(language: str) -> list[str]:
    """Return the stop words of a language (``en``, ``de-AT``, ``German``).

    An unknown language (``unknown``) has those of both, another language none.
    """
    code = language.casefold()
    for key, names in (("en", ("en", "eng", "english")), ("de", ("de", "deu", "ger", "german", "deutsch"))):
        if code in names or code.startswith((f"{key}-", f"{key}_")):
            return sorted(STOP_WORDS[key])
    return sorted(STOP_WORDS["en"] | STOP_WORDS["de"]) if code == UNKNOWN else []


UNKNOWN = "unknown"

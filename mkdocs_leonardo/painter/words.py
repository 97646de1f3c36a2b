"""What a prompt's words ask for: land, time of day, weather, colours, mood, material, subject."""

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

#: Longer prompts are read up to here; their hash still covers every character.
READ_CHARACTERS = 4000

Meaning = tuple[str, str]

#: A word, or one ideograph or kana (Chinese and Japanese are written without spaces), or any other mark.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])[^\W\d_])+|[^\s_]")
#: Facets whose words may be figures of speech, and those that a word keeps inside a longer phrase.
_PICTURED = frozenset(("land", "thing", "sky"))
_ATTENDANT = frozenset(("time", "sky", "weather", "season", "colour", "thing"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found, in the order of the prompt. Every tuple may be empty."""

    land: tuple[str, ...] = ()
    thing: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    sky: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    season: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    mood: tuple[str, ...] = ()
    material: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()


@cache
def table(name: str) -> dict[str, Any]:
    """Return one of the painter's tables of data."""
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))


def _bare(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.replace("ß", "ss").replace("ł", "l"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@cache
def _words(name: str, key: str) -> frozenset[str]:
    """Return a list of words or phrases in the lexicon, each as its tokens with a space between."""
    return frozenset(" ".join(_TOKEN.findall(entry.replace("_", " "))) for entry in table("lexicon")[name][key].split())


@cache
def _meanings() -> dict[str, list[tuple[str, Meaning]]]:
    """Return the languages ("" is any) and meanings of each word and phrase."""
    found: dict[str, list[tuple[str, Meaning]]] = {}
    for facet in (field.name for field in fields(Reading)):
        for value, text in table("lexicon")[facet].items():
            for entry in text.split():
                language, _, word = entry.rpartition(":")
                for spelling in {word, _bare(word)}:
                    phrase = " ".join(_TOKEN.findall(spelling.replace("_", " ")))
                    found.setdefault(phrase, []).append((language, (facet, value)))
    return found


def _language(tokens: list[str]) -> str:
    def score(language: str) -> float:
        own = sum(any(guard == language for guard, _ in _meanings().get(token, ())) for token in tokens)
        return sum(token in _words("languages", language) for token in tokens) + 0.5 * own + (language == "en")

    languages: dict[str, str] = table("lexicon")["languages"]
    return max(languages, key=score)


def _is_figure(originals: list[str], start: int, end: int) -> bool:
    """Return whether the land or sky in `originals[start:end]` is a figure of speech, as far as its neighbours tell."""
    before, *after = [word.casefold() for word in (originals[start - 1] if start else "", *originals[end : end + 3])]
    if before in _words("figurative", "before") or (after and after[0] in _words("figurative", "after")):
        return True
    if originals[start] > "\u3000":  # a single ideograph inside a longer word
        return end - start == 1 and any(word >= "\u3400" for word in (before, *after[:1]))
    names, things = _words("figurative", "of_names"), _words("figurative", "of_things")
    is_heap = after[:1] == ["of"] or originals[start].casefold() in _words("figurative", "heaps")
    if len(after) < 2 or not is_heap or after[0] not in names | things or after[1] in _words("languages", "de"):
        return False
    # "Mountains of Norway" are some, "a mountain of tickets" is none, "a sea of fog" is to be seen.
    name = [*originals, ""][end + 1 + (after[1] in _words("figurative", "articles"))]
    seen = any(facet in (_PICTURED | _ATTENDANT) - {"colour"} for _, (facet, _) in _meanings().get(name.casefold(), ()))
    return not (seen or (name[:1].isupper() and after[0] in names))


def _read(text: str) -> Iterator[tuple[Meaning, bool]]:
    """Yield meanings in the order of the text, each with whether it is wished for; the longest phrase counts."""
    originals = _TOKEN.findall(unicodedata.normalize("NFC", text[:READ_CHARACTERS]))
    tokens = [token.casefold() for token in originals]
    readable = {"", _language(tokens)}
    wished, place = True, 0
    while place < len(tokens):
        wished, step = wished and tokens[place] not in _words("figurative", "negations"), 1
        for length in range(min(5, len(tokens) - place), 0, -1):
            parts = tokens[place : place + length]
            phrase = " ".join(parts)
            entries = [*(_meanings().get(phrase) or _meanings().get(_bare(phrase)) or [])]
            if entries and length > 1:  # "a starry sky" is a night's
                entries += [each for part in parts for each in _meanings().get(part, ()) if each[1][0] in _ATTENDANT]
            is_figure = bool(entries) and _is_figure(originals, place, place + length)
            hits = [each for guard, each in entries if guard in readable and not (is_figure and each[0] in _PICTURED)]
            if hits or phrase in _words("figurative", "phrases"):
                yield from ((meaning, wished) for meaning in hits)
                wished, step = wished or bool(hits), length
                break
        place += step


def read(prompt: str, negative_prompt: str = "") -> Reading:
    """Return the prompt's meanings less the negative prompt's; never raises, whatever the text."""
    meanings, unwanted = list(_read(prompt)), {meaning for meaning, _ in _read(negative_prompt)}
    unwanted |= {meaning for meaning, wished in meanings if not wished}
    found: dict[str, list[str]] = {field.name: [] for field in fields(Reading)}
    for facet, value in dict.fromkeys(meaning for meaning, _ in meanings if meaning not in unwanted):
        found[facet].append(value)
    return Reading(**{facet: tuple(values) for facet, values in found.items()})


def land_of(said: Reading) -> str:
    """Return the scene that the words name; "" where they name none."""
    if "lighthouse" in said.thing and "coast" in said.land:
        return "coast"
    if said.land:
        # "A mountain lake" is a lake, "a forest river" a river: water carries the composition. A city's has its own.
        wet = [land for land in ("harbour", "city", "lake", "river") if land in said.land]
        return wet[0] if {*wet} - {"city"} and "ocean" not in said.land else said.land[0]
    return "sky" if set(said.sky) & {"stars", "aurora", "galaxy", "moon"} else ""


def names_landscape(prompt: str, negative_prompt: str = "") -> bool:
    """Return whether the prompt names a scene that the painter paints; without one, the picture is abstract."""
    return bool(land_of(read(prompt, negative_prompt)))

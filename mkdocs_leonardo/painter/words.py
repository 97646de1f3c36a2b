"""What a prompt's words ask for: time of day, weather, land, things, colours.

Words are looked up in English, German, French and Spanish. A word after "no" or "without", and every word of the
negative prompt, takes away instead of adding.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: Longer prompts are read up to here; their hash still covers every character.
READ_CHARACTERS = 4000

#: Facet -> value -> words. The first value of a facet found in the prompt leads; others may join in.
_LEXICON: dict[str, dict[str, str]] = {
    "time": {
        "dawn": "dawn sunrise daybreak aurore aube amanecer alba morgenrot morgengrauen sonnenaufgang morning morgen "
        "matin manana early begin beginning start starting begins getting intro introduction introducing hello welcome",
        "golden": "golden goldene gold goldenen doree dorado dorada amber honey afternoon nachmittag",
        "sunset": "sunset sundown sonnenuntergang abendrot crepuscule atardecer coucher farewell goodbye end ending",
        "dusk": "dusk twilight evening abend dammerung abenddammerung soir anochecer gloaming bluehour",
        "night": "night midnight nacht nuit noche nocturnal nocturne starlight starry dark darkness overnight nightly "
        "nights",
        "day": "day noon midday daylight sunny mittag tag jour midi dia mediodia bright sonnig",
    },
    "sky": {
        "moon": "moon moonlight moonlit moonrise mond mondlicht vollmond lune luna",
        "stars": "star stars starry starlight constellation constellations sterne stern sternenhimmel etoile etoiles "
        "estrella estrellas milkyway network networks graph",
        "aurora": "aurora borealis northernlights polarlicht nordlicht boreale boreal polarlichter auroras",
        "galaxy": "galaxy galaxies nebula milky cosmos cosmic universe galaxie galaxia universum kosmos",
        "clouds": "cloud clouds cloudy overcast wolken wolke nuage nuages nube nubes clouded",
        "lightning": "lightning thunder thunderstorm blitz gewitter eclair relampago rayo orage tonnerre",
        "rainbow": "rainbow regenbogen arcoiris",
    },
    "weather": {
        "storm": "storm stormy storms tempest hurricane gale thunderstorm sturm gewitter orage tempete tormenta "
        "typhoon "
        "incident outage crash crashes failure failures failed panic debugging chaos disaster",
        "rain": "rain rainy raining wet drizzle downpour regen pluie lluvia monsoon regnerisch",
        "fog": "fog foggy mist misty haze hazy nebel brouillard brume niebla bruma neblig unknown mystery uncertainty "
        "nebelig",
        "snow": "snowfall snowing snowstorm blizzard schneefall neige nieve nevada snowflake snowflakes",
        "wind": "wind windy breeze vent viento",
        "soft": "soft gentle calm quiet peaceful serene sanft ruhig doux suave tranquil still stillness minimal simple",
    },
    "season": {
        "winter": "winter snow snowy frost frosty frozen ice icy invierno hiver schnee verschneit eis gefroren gelado "
        "helado frozen glace cold arctic antarctic freeze",
        "autumn": "autumn fall herbst automne otono october november foliage",
        "spring": "spring fruhling printemps primavera blossom blossoms bloom april may bluten fresh new",
        "summer": "summer sommer ete verano july august",
    },
    "land": {
        "space": "space planet planets orbit orbital satellite mars saturn jupiter astronaut asteroid weltraum weltall "
        "planete planeta espace espacio cosmos galaxy nebula universe comet solar rocket spaceship kubernetes",
        "volcano": "volcano volcanic lava eruption magma vulkan volcan erupting lavastrom",
        "waterfall": "waterfall waterfalls cascade wasserfall chute cascada niagara",
        "harbour": "harbour harbor port docks dock marina pier hafen puerto quay wharf docker container containers "
        "shipping kai",
        "city": "city cities skyline skyscraper skyscrapers downtown metropolis urban town tower towers cyberpunk "
        "tokyo "
        "york manhattan london paris berlin stadt ville ciudad grossstadt architecture building buildings office "
        "infrastructure platform enterprise neon rooftop rooftops hochhaus street streets strasse rue calle alley",
        "canyon": "canyon canyons mesa butte gorge schlucht gorges canon cliffs arizona utah badlands",
        "desert": "desert deserts dune dunes sahara sand sands wuste desierto oasis camel dunen arid",
        "jungle": "jungle rainforest dschungel selva regenwald amazon palm palms palmen vines",
        "lake": "lake lakes pond loch fjord fjords lagoon lago lac bergsee fjorde reservoir reflection reflections "
        "mirror database databases data",
        "river": "river rivers stream creek brook fluss bach riviere fleuve rio canal pipeline pipelines flow "
        "streaming workflow valley valleys tal vallee valle",
        "island": "island islands tropical isle insel ile isla archipelago inseln",
        "coast": "coast coastal shore seaside cliff beach bay kuste strand cote costa plage playa lighthouse "
        "leuchtturm phare faro headland cape klippe klippen",
        "ocean": "ocean sea seas waves wave surf marine meer ozean mer oceano mar see ships ship tide horizon sail "
        "sailing sailboat underwater whale wellen vagues olas schiff welle deep",
        "forest": "forest forests woods woodland pine pines spruce fir firs trees wald foret bosque wood redwood "
        "kiefer kiefern tannen tanne taiga wilderness walder tree-lined fichten",
        "mountains": "mountain mountains alps alpine peak peaks summit ridge ridges himalaya everest rockies andes "
        "berg berge alpen gipfel montagne montagnes montana montanas gebirge glacier hiking climb climbing "
        "scale scaling scalability milestone goal goals roadmap",
        "meadow": "meadow meadows field fields grass grassland prairie pasture hill hills countryside farm wiese "
        "wiesen "
        "feld pre champ campo pradera flowers flower wheat lavender hugel tree village garden vineyard tulip "
        "wildflowers plain plains steppe savanna savannah landscape",
        "road": "road roads highway path paths trail route journey weg camino chemin autobahn travel migration "
        "migrating "
        "migrate upgrade guide tutorial learning walk",
        "clouds": "clouds sky skies above heaven himmel ciel cielo airplane plane flying flight heights balloon "
        "serverless wolken",
    },
    "thing": {
        "lighthouse": "lighthouse leuchtturm phare faro lighthouses beacon guidance monitoring observability",
        "ship": "ship ships boat vessel schiff bateau barco frigate galleon steamer ferry deploy deployment "
        "deployments",
        "sailboat": "sailboat sail sails sailing yacht segelboot voilier velero regatta segel launch",
        "bridge": "bridge bridges brucke pont puente viaduct aqueduct build builds building integration connect "
        "connecting interface interfaces integrations",
        "castle": "castle castles fortress citadel schloss burg chateau castillo palace kingdom security secure "
        "firewall authentication knight",
        "tree": "tree oak baum arbre arbol lonely lone branch branches branching eiche growth grow olive",
        "house": "house cabin cottage hut hutte haus maison casa home barn farmhouse chalet village temple",
        "windmill": "windmill windmills windmuhle moulin molino",
        "balloon": "balloon balloons ballon montgolfiere globo",
        "birds": "bird birds gull gulls seagull seagulls vogel oiseaux pajaros flock eagle eagles swans geese freedom",
        "person": "person hiker wanderer man woman figure people traveler traveller monk girl boy child human team "
        "teams walker astronaut hikers wanderers climber hero explorer developer developers leadership",
        "rocket": "rocket rockets spaceship spacecraft liftoff rakete fusee cohete startup release releases released "
        "releasing shipped",
        "planet": "planet planets saturn jupiter mars ringed planete planeta",
        "tent": "tent camp camping campfire campsite zelt tente bivouac",
        "crane": "crane cranes construction shipyard kran grue grua docker container containers",
        "fire": "fire flame flames bonfire campfire feuer flamme feu fuego burning blaze ember embers",
        "train": "train railway locomotive zug railroad tren rails",
        "flowers": "flower flowers tulip tulips poppy poppies lavender blossom blossoms bloom blumen fleurs flores "
        "wildflowers rose roses",
        "neon": "neon cyberpunk led lights electric synthwave vaporwave",
        "traffic": "traffic car cars taxi street highway speed fast faster performance",
        "palms": "palm palms palmen palmier palmeras tropical beach",
    },
    "colour": {
        "d23b34": "red crimson scarlet rot rouge rojo roja ruby roten rote",
        "f0852d": "orange tangerine naranja apricot copper",
        "f2c230": "yellow gelb jaune amarillo lemon",
        "3fa35b": "green emerald grun vert verde lime mint grune",
        "1fa59b": "teal turquoise cyan aqua turkis petrol",
        "2f6fd0": "blue azure cobalt navy blau bleu azul indigo blaue blauen",
        "7c4bc9": "purple violet lila violett morado mauve lavender ultraviolet",
        "e0559c": "pink magenta rosa rose fuchsia",
        "8a6a4c": "brown sepia braun marron rust rusty",
        "8b9299": "grey gray silver grau gris monochrome concrete slate",
    },
}

_TABLE: dict[str, list[tuple[str, str]]] = {}
for _facet, _values in _LEXICON.items():
    for _value, _words in _values.items():
        for _word in _words.split():
            _TABLE.setdefault(_word, []).append((_facet, _value))

_PAIRS = {
    ("golden", "hour"): "golden",
    ("blue", "hour"): "bluehour",
    ("milky", "way"): "milkyway",
    ("northern", "lights"): "northernlights",
}

#: German writes words together; the last part says what it is, the first how it is.
_COMPOUND_PARTS = (
    "leuchtturm",
    "wald",
    "berge",
    "berg",
    "meer",
    "nebel",
    "sturm",
    "nacht",
    "regen",
    "schnee",
    "winter",
    "herbst",
    "sommer",
    "stadt",
    "hafen",
    "wiese",
    "insel",
    "fluss",
    "wasserfall",
    "vulkan",
    "sonnen",
    "stern",
    "mond",
    "morgen",
    "abend",
    "kiefern",
    "tannen",
    "wolken",
    "see",
)
_NEGATIONS = frozenset(("no", "not", "without", "ohne", "kein", "keine", "sans", "sin", "never", "minus"))
_ENDINGS = ("s", "es", "n", "en", "e", "er", "x")
_SHORTEST_PART = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found, in the order of the prompt. Every tuple may be empty."""

    time: tuple[str, ...] = ()
    sky: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    season: tuple[str, ...] = ()
    land: tuple[str, ...] = ()
    thing: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text[:READ_CHARACTERS].casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).replace("ß", "ss")
    words = re.findall(r"[^\W\d_]+", plain)
    joined: list[str] = []
    for word in words:
        pair = _PAIRS.get((joined[-1], word)) if joined else None
        if pair is None:
            joined.append(word)
        else:
            joined[-1] = pair
    return joined


def _meanings(word: str) -> list[tuple[str, str]]:
    found = _TABLE.get(word)
    if found is None:
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) >= _SHORTEST_PART and stem in _TABLE:
                return _TABLE[stem]
        found = []
        for part in _COMPOUND_PARTS:
            if len(word) > len(part) + 2 and (word.endswith(part) or word.startswith(part)):
                found = [*found, *_TABLE.get(part, [])]
    return found


def read(prompt: str, negative_prompt: str = "") -> Reading:
    """The prompt's meanings less the negative prompt's; never raises, whatever the text."""
    unwanted = {meaning for word in _tokens(negative_prompt) for meaning in _meanings(word)}
    found: dict[str, list[str]] = {facet: [] for facet in _LEXICON}
    negated = False
    for word in _tokens(prompt):
        if word in _NEGATIONS:
            negated = True
            continue
        meanings = _meanings(word)
        for facet, value in meanings:
            if not negated and (facet, value) not in unwanted and value not in found[facet]:
                found[facet].append(value)
        if meanings:
            negated = False
    return Reading(**{facet: tuple(values) for facet, values in found.items()})

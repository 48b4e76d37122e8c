"""Are doubtful words mended towards a vocabulary, and no others? Twenty rare terms, and clips without them.

    python -m benchmarks.vocabulary [--data DIR] [--engine NAME] [--more]

espeak-ng says each term in a sentence of its own, one after another, in five voices. Terms that the engine did not
write are missed, and those that are in the text with the correction are mended. Then the same vocabulary is given for
the clips of read English, which have none of the terms: not a word may change.
The words of slides are measured on the same sound and on sentences with other terms: without any vocabulary, with decks
that show what is said and more, words that are nearly it, or other terms only. No change may be wrong.
With `--more`, 300 words of the dictionary join the vocabulary, to see how often an unrelated word comes near.
Exit status 1 if a bar is missed.
"""

import argparse
import random
import sys
from collections.abc import Mapping, Sequence

from benchmarks._espeak import Espeak
from benchmarks._shown_terms import MORE_SENTENCES, RELATIVES, Changes, corrected, decks, is_said
from benchmarks._speech import PAUSE_SEC, Clip, Placed, add_arguments, read_clips, recording
from shared.transcription.engine import Engine, Hints
from shared.transcription.payload import TranscriptWord
from shared.transcription.transcribe import transcribe_part
from shared.transcription.vocabulary.pronunciation import find_dictionary, spoken_words
from shared.transcription.vocabulary.shown_terms import Shown
from shared.transcription.warm import select_engine

SENTENCES = {
    "rhizome": "Below the ground the rhizome stores what the plant needs.",
    "Gaussian elimination": "We solve it with Gaussian elimination by hand.",
    "Chebyshev": "The bound is due to Chebyshev and it is easy to prove.",
    "ribosome": "Each ribosome reads the message once.",
    "Heidegger": "The question was raised by Heidegger in his first book.",
    "isomorphism": "There is an isomorphism between the two groups.",
    "photosynthesis": "Plants live by photosynthesis in the light.",
    "Riemann": "The hypothesis of Riemann is still open.",
    "monad": "In this language a monad wraps the result.",
    "autoencoder": "We train an autoencoder on the pictures.",
    "Cauchy sequence": "Every Cauchy sequence has a limit in this space.",
    "endoplasmic reticulum": "The protein is folded in the endoplasmic reticulum of the cell.",
    "tachycardia": "The drug may cause tachycardia in old people.",
    "Huguenots": "Many of the Huguenots left the country.",
    "Kierkegaard": "A chapter is about Kierkegaard and his time.",
    "semaphore": "The process waits for a semaphore before it writes.",
    "Navier-Stokes": "The flow obeys the Navier-Stokes equations.",
    "osmosis": "Water enters by osmosis through the wall.",
    "ontology": "She works on the ontology of social groups.",
    "Krebs cycle": "The second step is the Krebs cycle in the cell.",
}
"""Twenty terms that no threshold was chosen with, each in a sentence."""

VOICES = ("en-us", "en-us+m3", "gmw/en", "gmw/en+m3", "gmw/en-GB-x-rp")
WORDS_PER_MIN = 150
MENDED_SHARE_BAR = 0.5
WRONG_SENTENCES_BAR = 1
MORE_TERMS = 300
SEED = 1

Words = Sequence[TranscriptWord]


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(arguments)
    arguments.add_argument("--more", action="store_true", help="add 300 words of the dictionary")
    given = arguments.parse_args()
    engine = select_engine(given.engine, whisper_model=given.model)
    print(f"{engine.info.name} {engine.info.model}")
    try:
        espeak = Espeak()
    except OSError as missing:
        print(f"terms are left out: {missing}")
        good = False
    else:
        good = terms_are_mended(engine, espeak)
        good = slides_help(engine, espeak) and good
    clips = read_clips(given.data, given.skip)
    changed = changes(engine, clips, tuple(SENTENCES))
    print(f"words changed in {len(clips)} clips without the terms: {changed}, bar 0")
    wrong = wrong_by_slides(engine, clips)
    print(f"words changed wrongly in {len(clips)} clips with slides of their rare words and others: {wrong}, bar 0")
    changed += wrong
    if given.more:
        more = changes(engine, clips, (*SENTENCES, *_other_words()))
        print(f"the same with {MORE_TERMS} other words in the vocabulary: {more}")
    good = good and changed == 0
    print("good" if good else "NOT GOOD")
    return 0 if good else 1


def terms_are_mended(engine: Engine, espeak: Espeak) -> bool:
    """Print how many of the terms that the engine missed are mended; return whether they are enough."""
    missed = mended = wrong = 0
    for voice in VOICES:
        placed = one_after_another(espeak, voice)
        before, after = hear(engine, placed, ()), hear(engine, placed, tuple(SENTENCES))
        for one in placed[1:]:
            heard, corrected = within(before, one), within(after, one)
            was, now = has_term(heard, one.clip.name), has_term(corrected, one.clip.name)
            missed += not was
            mended += now and not was
            wrong += [word.word for word in corrected] != [word.word for word in heard] and (was or not now)
    share = mended / missed if missed else 1.0
    print(f"sentences {len(VOICES) * len(SENTENCES)}, terms missed by the engine {missed}")
    print(f"mended {mended}, share {share:.2f}, bar {MENDED_SHARE_BAR}")
    print(f"sentences with a wrong change {wrong}, bar {WRONG_SENTENCES_BAR}")
    return share >= MENDED_SHARE_BAR and wrong <= WRONG_SENTENCES_BAR


def slides_help(engine: Engine, espeak: Espeak) -> bool:
    """Print what the words of slides change; return whether no change is wrong and some are right."""
    figures: dict[str, Changes] = {}
    for sentences, others in ((SENTENCES, MORE_SENTENCES), (MORE_SENTENCES, SENTENCES)):
        for voice in VOICES if sentences is SENTENCES else VOICES[:3]:
            placed = one_after_another(espeak, voice, sentences)
            heard = hear(engine, placed, ())
            for kind, shown in decks(placed[1:], tuple(others)):
                after = corrected(heard, engine.info.doubtful, shown)
                figures.setdefault(kind, Changes()).add(_changes_by_slides(placed[1:], heard, after))
    for kind, found in figures.items():
        print(f"slides with {kind:18} missed {found.missed}, mended {found.mended}, wrong {found.wrong}, bar 0")
    return figures["own"].mended > 0 and not any(found.wrong for found in figures.values())


def _changes_by_slides(placed: Sequence[Placed], before: Words, after: Words) -> Changes:
    found = Changes()
    for one in placed:
        was, now = (has_term(within(words, one), one.clip.name) for words in (before, after))
        found.missed += not was
        found.mended += now and not was
        for word in within(after, one):
            if word.slide is not None and not is_said(word.word, one.clip.reference):
                found.wrong += 1
                print(f"  {word.original} became {word.word} ({word.confidence:.2f})")
    return found


def wrong_by_slides(engine: Engine, clips: Sequence[Clip]) -> int:
    """Return how many words of the clips are changed to what was not said, by a slide that stands all the time."""
    others = (*SENTENCES, *MORE_SENTENCES, *(each for related in RELATIVES.values() for each in related))
    wrong = 0
    for clip in clips:
        heard = hear(engine, [Placed(clip, 0.0, clip.seconds)], ())
        shown = [Shown(1, 0.0, clip.seconds, (clip.reference, *others))]
        for word in corrected(heard, engine.info.doubtful, shown):
            if word.slide is not None:
                is_right = is_said(word.word, clip.reference)
                wrong += not is_right
                print(f"  {word.original} became {word.word}, which was {'' if is_right else 'not '}said")
    return wrong


def one_after_another(espeak: Espeak, voice: str, sentences: Mapping[str, str] = SENTENCES) -> list[Placed]:
    """Return the sentences in a row, after a pause, which is the first clip."""
    placed = [Placed(Clip("", b"", ""), 0.0, 0.0)]
    for term, sentence in sentences.items():
        clip = Clip(term, espeak.say(sentence, voice, WORDS_PER_MIN).samples.tobytes(), sentence)
        start = placed[-1].end + PAUSE_SEC
        placed.append(Placed(clip, start, start + clip.seconds))
    return placed


def within(words: Words, placed: Placed) -> Words:
    """Return the words whose middle lies in the clip or in half of the pauses around it."""
    around = PAUSE_SEC / 2
    return [word for word in words if placed.start - around <= (word.start + word.end) / 2 < placed.end + around]


def hear(engine: Engine, placed: Sequence[Placed], terms: Sequence[str]) -> Words:
    """Return the words of a recording of English with this vocabulary."""
    audio = recording(placed)
    part = transcribe_part(
        audio,
        engine,
        part=0,
        parts=1,
        duration_sec=audio.duration_sec,
        language="en",
        report=lambda fraction: None,
        hints=Hints(terms=tuple(terms)),
    )
    return [word for segment in part.segments for word in segment.words]


def changes(engine: Engine, clips: Sequence[Clip], terms: Sequence[str]) -> int:
    """Return how many words of the clips are changed; print them."""
    heard = (hear(engine, [Placed(clip, 0.0, clip.seconds)], terms) for clip in clips)
    found = [word for words in heard for word in words if word.original is not None]
    for word in found:
        print(f"  {word.original} became {word.word} ({word.confidence:.2f})")
    return len(found)


def has_term(words: Words, term: str) -> bool:
    """Return whether the term is among the words."""
    said = [part for word in words for part in spoken_words(word.word)]
    wanted = spoken_words(term)
    return any(said[at : at + len(wanted)] == wanted for at in range(len(said)))


def _other_words() -> Sequence[str]:
    place = find_dictionary()
    if place is None:
        sys.exit("the dictionary of pocketsphinx is not installed")
    entries = [line.partition(" ")[0] for line in place.read_text(encoding="utf-8").splitlines()]
    return random.Random(SEED).sample([word for word in entries if len(word) > 5 and word.isalpha()], MORE_TERMS)


if __name__ == "__main__":
    sys.exit(main())

"""Terms in sentences, and words of slides that are nearly them. For the benchmark of the words of slides."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks._speech import Placed
from shared.transcription.moonshine.known_words import read_known_words
from shared.transcription.payload import Transcript, TranscriptEngine, TranscriptSegment, TranscriptWord
from shared.transcription.sentences import as_sentences
from shared.transcription.vocabulary.shown_terms import Shown, correct_towards_shown

MORE_SENTENCES = {
    "mitochondria": "Most of the energy comes from the mitochondria of the cell.",
    "eigenvalue": "The largest eigenvalue tells how fast it grows.",
    "Bayesian": "A Bayesian answer begins with what we knew before.",
    "covariance": "We estimate the covariance of the two columns.",
    "Fourier": "With the Fourier transform this becomes a product.",
    "Lagrangian": "We write down the Lagrangian of the system.",
    "stochastic": "This is a stochastic process in time.",
    "perceptron": "The perceptron was built in the fifties.",
    "convolution": "Each layer is a convolution of the one before.",
    "catalysis": "In catalysis the metal is not used up.",
    "stoichiometry": "The stoichiometry of the reaction is two to one.",
    "Keynesian": "That is the Keynesian view of the crisis.",
    "oligopoly": "The market is an oligopoly of four firms.",
    "hegemony": "He wrote about hegemony from prison.",
    "epistemology": "Today we speak about epistemology and doubt.",
    "phenomenology": "The method is called phenomenology by his students.",
    "Nietzsche": "This was Nietzsche in his last years.",
    "Foucault": "We read Foucault on the history of prisons.",
    "Byzantine": "The Byzantine army came from the east.",
    "Mesopotamia": "Writing began in Mesopotamia with lists of grain.",
    "tectonic": "The tectonic plates move a few inches a year.",
    "igneous": "Granite is an igneous rock.",
    "fermion": "Each fermion has a partner in this theory.",
    "chromatin": "The strands are packed as chromatin in the nucleus.",
    "allele": "Each parent passes on one allele of the gene.",
    "phagocyte": "A phagocyte eats what does not belong there.",
    "polymerase": "The polymerase walks along the strand.",
    "quicksort": "On the average quicksort is faster than the others.",
    "Dijkstra": "The algorithm of Dijkstra finds the shortest way.",
    "mutex": "A thread that holds the mutex must not sleep.",
    "hysteresis": "The curve shows hysteresis of the magnet.",
    "tokamak": "The plasma is held in a tokamak by strong fields.",
    "apoptosis": "The cell ends itself by apoptosis.",
    "heteroscedasticity": "The test looks for heteroscedasticity in the errors.",
    "Poincaré": "The conjecture of Poincaré was proved later.",
}
"""Terms beside those of the vocabulary, each in a sentence."""

RELATIVES = {
    "rhizome": ("rhizomatic", "rhizomes"),
    "Gaussian elimination": ("Gaussians", "eliminated"),
    "Chebyshev": ("Chebyshevs",),
    "ribosome": ("ribosomal", "ribozyme", "ribosomes"),
    "Heidegger": ("Heideggerian",),
    "isomorphism": ("isomorphic", "homomorphism"),
    "photosynthesis": ("photosynthetic", "photosynthesize", "chemosynthesis"),
    "Riemann": ("Riemannian",),
    "monad": ("monoid", "monads", "monadic"),
    "autoencoder": ("autoencoding", "encoders", "autoencoders"),
    "Cauchy sequence": ("Cauchy-Schwarz",),
    "endoplasmic reticulum": ("endoplasm", "reticular"),
    "tachycardia": ("bradycardia", "tachycardic"),
    "Huguenots": ("Huguenot",),
    "Kierkegaard": ("Kierkegaardian",),
    "semaphore": ("semaphores",),
    "Navier-Stokes": ("Stokesian",),
    "osmosis": ("osmotic", "osmoses", "mitosis"),
    "ontology": ("ontological", "oncology", "ontologies"),
    "Krebs cycle": ("Krebs",),
    "mitochondria": ("mitochondrial", "mitochondrion"),
    "eigenvalue": ("eigenvector", "eigenvalues"),
    "Bayesian": ("Bayes", "Bayesianism"),
    "covariance": ("covariant", "contravariance"),
    "Lagrangian": ("Lagrange",),
    "stochastic": ("stochasticity", "stoichiometric"),
    "perceptron": ("perceptrons", "perceptual"),
    "convolution": ("convolutional", "convolutions"),
    "catalysis": ("catalytic", "catalyst", "electrolysis"),
    "stoichiometry": ("stoichiometric",),
    "Keynesian": ("Keynes", "Keynesianism"),
    "oligopoly": ("oligopolistic", "oligopolies", "monopsony"),
    "hegemony": ("hegemonic", "hegemon"),
    "epistemology": ("epistemic", "epistemological"),
    "phenomenology": ("phenomenological", "phenomenologist"),
    "Nietzsche": ("Nietzschean",),
    "Foucault": ("Foucauldian",),
    "Byzantine": ("Byzantium",),
    "Mesopotamia": ("Mesopotamian",),
    "tectonic": ("tectonics", "architectonic"),
    "igneous": ("ignimbrite",),
    "fermion": ("fermionic", "fermions"),
    "chromatin": ("chromatid", "chromatic"),
    "allele": ("alleles", "allelic"),
    "phagocyte": ("phagocytosis", "phagocytes", "phagocytic"),
    "polymerase": ("polymerization", "polymers", "polymerases"),
    "quicksort": ("mergesort", "quicksorting"),
    "Dijkstra": ("Dijkstras",),
    "mutex": ("mutexes",),
    "hysteresis": ("hysteretic", "hysteria"),
    "tokamak": ("tokamaks",),
    "apoptosis": ("apoptotic", "necroptosis"),
    "heteroscedasticity": ("heteroscedastic", "homoscedasticity"),
    "Poincaré": ("Poincare-Bendixson",),
}
"""Words of a slide that were not said, and sound nearly like a term that was: derived from it, or its opposite."""

TERMS_A_SLIDE = 4
DISTRACTORS = 4


@dataclass(slots=True)
class Changes:
    """What the words of slides changed in sentences with a term each."""

    missed: int = 0
    mended: int = 0
    wrong: int = 0

    def add(self, other: "Changes") -> None:
        """Add the figures of another row of sentences."""
        self.missed, self.mended = self.missed + other.missed, self.mended + other.mended
        self.wrong += other.wrong


def transcript_of(words: Sequence[TranscriptWord], doubtful_below: float) -> Transcript:
    """Return a transcript of English of these words, in sentences."""
    spoken = tuple(words)
    segments = []
    if spoken:
        text = " ".join(word.word for word in spoken)
        whole = TranscriptSegment(
            id=0, start=spoken[0].start, end=spoken[-1].end, text=text, confidence=0.5, words=spoken, language="en"
        )
        segments = as_sentences([whole])
    return Transcript(
        session_id="s",
        job_id="j",
        language="en",
        duration_sec=spoken[-1].end if spoken else 0.0,
        engine=TranscriptEngine(name="moonshine", version="", model=""),
        segments=tuple(segments),
        speech_sec=0.0,
        warnings=(),
        doubtful_below=doubtful_below,
    )


def corrected(words: Sequence[TranscriptWord], doubtful_below: float, shown: Sequence[Shown]) -> list[TranscriptWord]:
    """Return the words corrected towards the slides."""
    found = correct_towards_shown(transcript_of(words, doubtful_below), shown, read_known_words())
    return [word for segment in found.segments for word in segment.words]


def decks(placed: Sequence[Placed], others: Sequence[str]) -> Iterator[tuple[str, list[Shown]]]:
    """Yield decks by name: of what is said and distractors, of that and its relatives, of relatives, of all others.

    A slide stands for the time of a few sentences.
    """
    said = [one.clip.name for one in placed]
    slides = [placed[at : at + TERMS_A_SLIDE] for at in range(0, len(placed), TERMS_A_SLIDE)]
    for kind in ("own", "own and relatives", "relatives", "others"):
        shown = []
        for number, slide in enumerate(slides, start=1):
            own = [one.clip.name for one in slide]
            related = [each for term in own for each in RELATIVES.get(term, ())]
            strange = [others[(number * DISTRACTORS + at) % len(others)] for at in range(DISTRACTORS)]
            terms = {
                "own": [*own, *strange],
                "own and relatives": [*own, *related],
                "relatives": related,
                "others": [term for term in (*said, *others) if term not in own],
            }[kind]
            lines = tuple(f"The {term} in practice" if at % 2 else term for at, term in enumerate(terms))
            shown.append(Shown(number, slide[0].start, slide[-1].end, lines))
        yield kind, shown


def is_said(word: str, reference: str) -> bool:
    """Return whether a word is in the text."""
    plain = [re.sub(r"^\W+|\W+$", "", each).casefold() for each in (word, *reference.split())]
    return plain[0] in plain[1:]

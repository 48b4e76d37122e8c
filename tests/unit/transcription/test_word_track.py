"""The track of words, read back by a library that did not write it."""

import json

import webvtt

from shared.transcription.word_track import to_word_track
from tests.unit.transcription.test_captions import spoken, transcript


def test_each_segment_is_a_cue_with_its_words() -> None:
    talk = transcript(spoken('a --> "b" <i>', 1.0), spoken("zwei Wörter", 3700.5), duration=4000.0)
    talk = talk.model_copy(
        update={"segments": (talk.segments[0], talk.segments[1].model_copy(update={"speaker": "Ada"}))}
    )
    text = to_word_track(talk)
    cues = list(webvtt.from_string(text))
    assert [(cue.start, cue.identifier) for cue in cues] == [("00:00:01.000", "0"), ("01:01:40.500", "1")]
    first, second = (json.loads(cue.raw_text) for cue in cues)
    assert [word["word"] for word in first["words"]] == ["a", "-->", '"b"', "<i>"]
    assert second["words"][0] == talk.segments[1].words[0].model_dump(mode="json")
    assert ("speaker" not in first, second["speaker"]) == (True, "Ada")
    assert text.count("-->") == 2


def test_nothing_said_is_an_empty_track() -> None:
    assert list(webvtt.from_string(to_word_track(transcript()))) == []

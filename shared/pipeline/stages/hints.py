"""What a job knows of a talk before anybody listens: the prompt and terms from its options, names from its metadata."""

from collections.abc import Mapping
from typing import Any

from shared.transcription.engine import Hints

NAMED_IN_METADATA = ("title", "speaker", "course")
MAX_HINT_CHARS = 120
MAX_HOTWORDS = 60


def hints_for(options: Mapping[str, Any], metadata: Mapping[str, Any]) -> Hints:
    """The hints for a job with these options over a session with these metadata, whatever clients put in there."""
    words: dict[str, None] = dict.fromkeys(str(word).strip() for word in options.get("hotwords") or ())
    for key, value in metadata.items():
        if str(key).casefold() in NAMED_IN_METADATA and isinstance(value, str):
            words[" ".join(value.split())[:MAX_HINT_CHARS]] = None
    words.pop("", None)
    prompt = " ".join(str(options.get("initialPrompt") or "").split())
    return Hints(prompt=prompt, hotwords=tuple(words)[:MAX_HOTWORDS])

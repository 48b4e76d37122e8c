"""Read which words Moonshine knows as a whole, without loading its model.

Its tokenizer gave words of their own to what was frequent in the text that it was made of: that tells a rare term from
an ordinary word.
"""

from shared.transcription.moonshine.files import find_model, read_tokenizer
from shared.transcription.moonshine.tokens import Vocabulary


def read_known_words() -> frozenset[str]:
    """Return the words in lower case; none where the model is not installed.

    Raise EngineUnavailable as `read_model`.
    """
    folder = find_model()
    return frozenset() if folder is None else Vocabulary(read_tokenizer(folder)).whole_words()

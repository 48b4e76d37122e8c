"""Describe a vocabulary: names and terms that an organisation's recordings may have."""

from dataclasses import dataclass
from datetime import datetime

MAX_TERM_CHARS = 60
MAX_TERMS = 500
MAX_TERMS_CHARS = 12_000
"""Characters of all terms of a vocabulary, and of all that a job takes: they stand in one column of its row."""
MAX_VOCABULARIES = 100
"""Vocabularies of an organisation."""
MAX_JOB_VOCABULARIES = 10
VOCABULARY_NAME = r"^[a-z0-9][a-z0-9_-]{0,39}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Terms under a name; jobs copy them when they are submitted."""

    org_id: str
    name: str
    terms: tuple[str, ...]
    updated_at: datetime

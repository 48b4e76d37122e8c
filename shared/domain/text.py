"""Texts that storage has to treat in their own way."""

from typing import NewType

LongText = NewType("LongText", str)
"""A text that may be longer than a table's column; it is kept in as many columns as it needs."""

"""Make identifiers that sort newest first, so that a table lists the latest rows without scanning the old ones."""

from collections.abc import Callable
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in ASCII order
_TIME_BITS = 45  # milliseconds until the year 3084
_RANDOM_BITS = 50
_LENGTH = (_TIME_BITS + _RANDOM_BITS) // 5


def newest_first_id(now: datetime, random_bits: Callable[[int], int]) -> str:
    """Return a 19-character identifier: the milliseconds left until 3084, then 50 random bits.

    `random_bits(n)` returns an integer of n random bits, as `secrets.randbits` does.
    """
    remaining_ms = (1 << _TIME_BITS) - 1 - int(now.timestamp() * 1000)
    number = (remaining_ms << _RANDOM_BITS) | random_bits(_RANDOM_BITS)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))

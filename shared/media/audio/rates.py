"""Choose the rate of encoded sound: one that every player of AAC takes."""

RATES_HZ = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def player_rate_hz(rate_hz: int) -> int:
    """Return the rate in which sound of this rate is encoded: the same, or the next that every player takes."""
    return next((each for each in RATES_HZ if each >= rate_hz), RATES_HZ[-1])

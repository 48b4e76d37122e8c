"""The version that the API tells; a test holds it equal to the one in pyproject.toml, which is not deployed."""

VERSION = "0.1.0"

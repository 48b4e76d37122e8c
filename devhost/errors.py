"""The errors that the local host shows when it cannot go on.

DevHostError
├── SetupError           the machine lacks something, or an installer failed
├── StackError           storage or the host did not start, or another program has its port
├── PageError            the web page cannot be built or served; the API works without it
└── AppError             the function app cannot be loaded or uses something this host does not run
"""


class DevHostError(Exception):
    """The local host cannot go on; the message says why and what to do."""


class SetupError(DevHostError):
    """The machine lacks something, or an installer failed."""


class StackError(DevHostError):
    """Storage or the host did not start, or something is in the way."""


class PageError(DevHostError):
    """The web page cannot be built or served; the API works without it."""


class AppError(DevHostError):
    """The function app cannot be loaded, or it uses something this host does not run."""

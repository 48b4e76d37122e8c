"""Tell which functions an app runs, so that two apps over one account may share the work: one answers, one works.

Outside Flex Consumption all functions of an app share a process: a step that crashes costs every other step in it an
attempt, and the API answers slowly while one computes. See docs/deploy.md.
"""

import os
from collections.abc import Mapping
from importlib import import_module

import azure.functions as func

SETTING = "ROSTRUM_ROLE"

API = ("api",)
WORKER = ("downloader", "transcription", "tracking", "rendition", "tasks", "maintenance")

ROLES = {"all": (*API, *WORKER), "api": API, "worker": WORKER}
"""The modules of `functions` whose triggers each role runs."""


def blueprints(environment: Mapping[str, str] = os.environ) -> list[func.Blueprint]:
    """Return the triggers of the role that is set; all of them for a role that is none, which the API then tells."""
    modules = ROLES.get(environment.get(SETTING, "all").strip().lower(), ROLES["all"])
    return [import_module(f"functions.{module}").blueprint for module in modules]

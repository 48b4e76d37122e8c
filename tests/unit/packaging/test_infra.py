"""What deploys the service: the names of settings in the files that do, and the manifests for a cluster."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from functions.roles import ROLES
from shared.configuration import variable_of
from shared.domain.message import QUEUES
from shared.domain.task import TASKS, WEBHOOKS
from shared.settings import Settings

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
BICEP = sorted(INFRA.rglob("*.bicep"))
MANIFESTS = INFRA / "kubernetes"

AZURES_OWN = {
    "AzureFunctionsJobHost__Logging__Console__IsEnabled",
    "AzureWebJobsScriptRoot",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "FUNCTIONS_WORKER_RUNTIME",
    "PYTHON_ENABLE_INIT_INDEXING",
}
"""Variables that the Functions host, its worker or Azure's exporter read."""

INSTEAD_OF_THE_NAME = {f"AzureWebJobsStorage__{service}ServiceUri" for service in ("blob", "queue", "table")}
"""Addresses that an operator may give instead of the account's name, which ours give."""

LOCAL_HOSTS_OWN = {"ROSTRUM_QUEUE_HINT", "ROSTRUM_LOCAL_DATA_DIR"}
"""Variables that the local host sets for its workers, and no deployment."""

_SETTING = re.compile(r"^ +((?:ROSTRUM|OTEL|APPLICATIONINSIGHTS|FUNCTIONS|PYTHON|WEBSITE)_\w+|AzureWebJobs\w+):", re.M)
_FILTER = re.compile(r"AzureFunctionsJobHost__functions__\d+")


def variables() -> set[str]:
    """Return the environment variables that the settings class reads."""
    return {variable_of(name, field) for name, field in Settings.model_fields.items()}


def manifests() -> list[dict[str, Any]]:
    files = [file for file in sorted(MANIFESTS.glob("*.yaml")) if file.name != "kustomization.yaml"]
    return [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def deployments() -> dict[str, dict[str, Any]]:
    """Return the container of each deployment."""
    found = [each for each in manifests() if each["kind"] == "Deployment"]
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0] for each in found}


def named_variables() -> dict[str, set[str]]:
    """Return the variables that each file for deployments gives a process of the app."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    example = json.loads((ROOT / "local.settings.json.example").read_text(encoding="utf-8"))["Values"]
    image = re.search(r"^ENV (.+?[^\\])$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M | re.S)
    assert image is not None
    pods = {each["name"] for container in deployments().values() for each in container["env"]}
    settings = (MANIFESTS / "settings.env").read_text(encoding="utf-8")
    return {
        **{file.name: set(_SETTING.findall(file.read_text(encoding="utf-8"))) for file in BICEP},
        "docker-compose.yml": set(compose["services"]["functions"]["environment"]),
        "local.settings.json.example": {name for name in example if not name.startswith("DevHost.")},
        "Dockerfile": set(re.findall(r"(\w+)=", image[1])),
        "workers.yaml, api.yaml": {name for name in pods if not _FILTER.fullmatch(name)},
        "settings.env": set(re.findall(r"^(\w+)=", settings, re.M)),
    }


def test_every_variable_that_a_deployment_names_is_read() -> None:
    known = variables() | AZURES_OWN
    unknown = {file: names - known for file, names in named_variables().items() if names - known}

    assert unknown == {}
    assert {file for file, names in named_variables().items() if not names} <= {
        "main.bicep",
        "access.bicep",
        "alerts.bicep",
        "workers.yaml, api.yaml",
    }


def test_every_setting_can_be_given_to_a_deployment() -> None:
    named = set().union(*named_variables().values())

    assert variables() - named - LOCAL_HOSTS_OWN - INSTEAD_OF_THE_NAME == set(), "add it to infra/settings.bicep"
    assert variables() >= LOCAL_HOSTS_OWN


def triggers(role: str = "all") -> dict[str, str | None]:
    """Return the queue that each function of a role listens to; None for the functions without one."""
    found: dict[str, str | None] = {}
    for module in ROLES[role]:
        source = (ROOT / "functions" / f"{module}.py").read_text(encoding="utf-8")
        for match in re.finditer(r"^@blueprint\.(.+)$\n(?:async )?def (\w+)", source, re.M):
            queue = re.search(r'queue_name="([\w-]+)"', match[1])
            found[match[2]] = queue[1] if queue else None
    return found


def functions_of(container: dict[str, Any]) -> set[str]:
    """Return the functions that a container runs: those of its role, as far as the host's list allows them."""
    environment = {each["name"]: str(each["value"]) for each in container["env"]}
    allowed = {value for name, value in environment.items() if _FILTER.fullmatch(name)}
    of_role = set(triggers(environment["ROSTRUM_ROLE"]))
    assert allowed <= of_role
    return allowed or of_role


def test_every_function_runs_in_one_deployment_of_the_cluster() -> None:
    run = [name for container in deployments().values() for name in functions_of(container)]

    assert Counter(run) == Counter(list(triggers()))


def test_every_queue_scales_the_deployment_that_listens_to_it() -> None:
    scaled: dict[str, Sequence[str]] = {}
    for each in manifests():
        if each["kind"] == "ScaledObject":
            queues = [trigger["metadata"].get("queueName") for trigger in each["spec"]["triggers"]]
            scaled[each["spec"]["scaleTargetRef"]["name"]] = [queue for queue in queues if queue]
            assert all(
                trigger["metadata"]["queueLength"] == "1"
                for trigger in each["spec"]["triggers"]
                if trigger["type"] == "azure-queue"
            )
    queues = {*QUEUES.values(), TASKS, WEBHOOKS}
    listens = {name: functions_of(container) for name, container in deployments().items()}

    assert scaled.keys() == listens.keys()
    assert Counter(queue for each in scaled.values() for queue in each) == Counter(
        [*queues, *(f"{queue}-poison" for queue in queues)]
    )
    for name, found in scaled.items():
        assert {triggers()[function] for function in listens[name]} - {None} == set(found), name


def test_everything_that_kustomize_names_is_there() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text(encoding="utf-8"))
    generated = [name for each in kustomization["configMapGenerator"] for name in each["envs"]]

    assert {file.name for file in MANIFESTS.iterdir()} == {
        *kustomization["resources"],
        *generated,
        "kustomization.yaml",
    }
    assert {container["image"] for container in deployments().values()} == {
        image["name"] for image in kustomization["images"]
    }

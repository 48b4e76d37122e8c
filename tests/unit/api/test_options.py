"""The options that the API accepts are those that a job has."""

from dataclasses import fields

from shared.api.models import requests
from shared.domain.options import JobOptions


def test_every_option_of_the_api_is_an_option_of_a_job() -> None:
    of_jobs = {field.name for field in fields(JobOptions)} - {"unknown"}
    assert set(requests.JobOptions.model_fields) == of_jobs

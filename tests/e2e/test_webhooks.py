"""What the real stack does with messages: webhooks that are refused at first, and text that is no message."""

import base64
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from tests.e2e.conftest import HTTP, WEBHOOK_SECRET, RunningStack, eventually
from tests.support.webhook_receiver import receiving

pytestmark = pytest.mark.e2e


def test_a_message_that_is_not_base64_is_a_dead_letter_that_can_be_removed(stack: RunningStack) -> None:
    with QueueClient.from_connection_string(stack.connection, "trackings-poison") as poison:
        with suppress(ResourceExistsError):
            poison.create_queue()
        poison.send_message("{not base64}")
    address = f"{stack.url}/jobs/poison/trackings"
    letters = eventually(lambda: HTTP.get(address).json()["items"], "the dead letter", pause_sec=0.2)
    assert [(letter["body"], letter["orgId"]) for letter in letters] == [("{not base64}", None)]
    assert HTTP.delete(f"{address}/{letters[0]['letterId']}").status_code == 204
    assert HTTP.get(address).json()["items"] == []


def test_the_end_of_a_job_is_told_until_it_is_accepted(stack: RunningStack) -> None:
    with receiving() as receiver:
        receiver.answers = [500, 204]
        body = {"sourceUrl": "http://127.0.0.1:9/a.mp4", "delaySeconds": 3600, "callbackUrl": receiver.url()}
        job = HTTP.post(f"{stack.url}/jobs", json=body).raise_for_status().json()
        HTTP.delete(f"{stack.url}/jobs/{job['jobId']}").raise_for_status()
        eventually(lambda: len(receiver.received) >= 2, "the second delivery", pause_sec=0.2)
        first, second = receiver.received[:2]
        key = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
        assert first.is_signed_with(key)
        assert second.is_signed_with(key)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert second.payload["type"] == "job.canceled"
        assert second.payload["data"]["jobId"] == job["jobId"]
        states = eventually(
            lambda: (
                (found := [each["state"] for each in stack.job(job["jobId"])["deliveries"]])[:1] == ["delivered"]
                and found
            ),
            "the log of the second delivery",
        )
        assert states == ["delivered", "failed"]

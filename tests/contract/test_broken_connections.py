"""What a connection that breaks does to an insert, which the SDK never repeats: nothing, whether the row had arrived
or not. `replace` may report a conflict with itself, which every caller answers by reading again."""

from collections.abc import Callable

import pytest
import requests

from shared.domain.errors import StorageUnavailable, WriteConflict
from shared.domain.session import Session
from shared.storage.connect import AzureStorage

MakeSession = Callable[..., Session]
Send = Callable[..., requests.Response]


@pytest.fixture
def break_posts(azure: AzureStorage, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`break_posts(times, arrives)` makes that many inserts fail before or after they reached the table."""
    send: Send = azure.session.request

    def install(times: int, *, arrives: bool) -> None:
        left = times

        def breaking(method: str, url: str, **options: object) -> requests.Response:
            nonlocal left
            if method != "POST" or left == 0:
                return send(method, url, **options)
            left -= 1
            if arrives:
                send(method, url, **options).close()
            raise requests.ConnectionError("Connection aborted: remote end closed connection without response")

        monkeypatch.setattr(azure.session, "request", breaking)

    return install


@pytest.mark.parametrize("arrives", [False, True])
def test_an_insert_survives_a_broken_connection(
    azure: AzureStorage, make_session: MakeSession, break_posts: Callable[..., None], arrives: bool
) -> None:
    azure.sessions.create(make_session(1))
    break_posts(1, arrives=arrives)
    created = azure.sessions.create(make_session())
    assert azure.sessions.get(created.value.org_id, created.value.session_id) == created


def test_an_insert_that_met_another_row_is_still_a_conflict(
    azure: AzureStorage, make_session: MakeSession, break_posts: Callable[..., None]
) -> None:
    azure.sessions.create(make_session())
    break_posts(1, arrives=True)
    with pytest.raises(WriteConflict):
        azure.sessions.create(make_session().evolve(name="Another talk"))


def test_an_account_that_stays_away_is_unavailable(
    azure: AzureStorage, make_session: MakeSession, break_posts: Callable[..., None]
) -> None:
    break_posts(2, arrives=False)
    with pytest.raises(StorageUnavailable):
        azure.sessions.create(make_session())

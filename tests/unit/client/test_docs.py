"""The examples in docs/client.md and in the docstrings do what they say."""

import doctest
import re
from io import StringIO
from pathlib import Path
from typing import Any

import anyio
import pytest

import rostrum_client
from rostrum_client import AsyncRostrumClient, RostrumClient, retry_timing, sse
from rostrum_client.operations import Operations
from tests.support.served_api import ApiServer, Served

PAGE = Path(__file__).resolve().parents[3] / "docs" / "client.md"
DOCUMENTED_URL = "http://127.0.0.1:7071/api"
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


@pytest.fixture
def working(api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """An API that does a job's work while it is submitted, and a recording in the working directory."""
    (tmp_path / "talk.mp4").write_bytes(b"0123456789")
    monkeypatch.chdir(tmp_path)
    return api_server.serve(inline=True)


def test_the_pages_examples_print_what_it_says(working: Served, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    examples = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for code, printed in examples:
        exec(compile(code.replace(DOCUMENTED_URL, working.url), str(PAGE), "exec"), names)
        assert capsys.readouterr().out == printed, code

    assert len(examples) == 6


@pytest.mark.parametrize(
    "documented",
    [RostrumClient, AsyncRostrumClient, Operations, rostrum_client.RostrumApiError, sse.Parser, retry_timing.PollPace],
)
def test_the_docstrings_examples_print_what_they_say(documented: type, working: Served) -> None:
    names = {**vars(rostrum_client), **vars(retry_timing), **vars(sse), "Path": Path, "anyio": anyio}
    text = (documented.__doc__ or "").replace(DOCUMENTED_URL, working.url)
    told = StringIO()
    with RostrumClient(working.url) as client:
        client.upload(Path("talk.mp4"))
        example = doctest.DocTestParser().get_doctest(text, {**names, "client": client}, documented.__name__, None, 0)
        doctest.DocTestRunner().run(example, out=told.write)

    assert example.examples
    assert told.getvalue() == ""

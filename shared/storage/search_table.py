"""Keep the search index. Table `words` has a row for each token of each transcript, with the token's positions; table
`passages` the transcripts themselves, cut in pieces, each with the tokens that are new in it.

A row of `words` stands in one of BUCKETS partitions of its organisation, chosen by the token: few enough that a
transcript's rows make full batches, and enough that no partition is all that an organisation writes to. Its key is
`token,sessionId,jobId`, so that a token's rows lie together, newest sessions first.

`passages` is also the forward index: every row of `words` belongs to a token that a row of `passages` names. Passages
are therefore written before the words and removed after them, so that a crash in between leaves no word behind.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from zlib import crc32

from shared.domain.search.transcript import IndexedTranscript, Passage, Posting, PostingKey, SpokenWord
from shared.storage.row_reader import RowReader
from shared.storage.table import MAX_STRING_UNITS, Columns, Row, Table
from shared.storage.upgrade import VERSION_COLUMN, with_version

BUCKETS = 64
"""The number of partitions of an organisation's words; never to change, for rows would not be found with another."""

_WORDS, _PASSAGES = "words", "passages"
_NEW_TOKENS = "newTokens"


class SearchTable:
    """A `SearchIndex`."""

    def __init__(self, words: Table, passages: Table) -> None:
        self._words = words
        self._passages = passages
        self._posting_reader = RowReader(_WORDS, _posting)
        self._passage_reader = RowReader(_PASSAGES, _passage)
        self._token_reader = RowReader(_PASSAGES, _tokens_in)

    def put(self, transcript: IndexedTranscript) -> None:
        org_id, session_id, job_id = transcript.org_id, transcript.session_id, transcript.job_id
        before = list(self._forward(org_id, session_id, job_id))
        rows = {row.key: row for row in _passage_rows(transcript)}
        self._delete_words(org_id, session_id, job_id, self._new_tokens(before) - transcript.positions.keys())
        self._passages.upsert_many(rows.values())
        self._words.upsert_many(_word_rows(transcript))
        self._passages.delete_many(_partition(org_id, session_id), {row.key for row in before} - rows.keys())

    def jobs(self, org_id: str, session_id: str) -> Collection[str]:
        rows = self._passages.scan(_partition(org_id, session_id), select=())
        return {row.key.partition(",")[0] for row in rows}

    def remove(self, org_id: str, session_id: str, job_id: str) -> int:
        rows = list(self._forward(org_id, session_id, job_id))
        tokens = self._new_tokens(rows)
        self._delete_words(org_id, session_id, job_id, tokens)
        self._passages.delete_many(_partition(org_id, session_id), [row.key for row in rows])
        return len(rows) + len(tokens)

    def withdraw(self, transcript: IndexedTranscript) -> None:
        org_id, session_id, job_id = transcript.org_id, transcript.session_id, transcript.job_id
        self._delete_words(org_id, session_id, job_id, transcript.positions)
        self.remove(org_id, session_id, job_id)

    def postings(
        self, org_id: str, token: str, *, limit: int, start: PostingKey = ("", ""), session_id: str | None = None
    ) -> Sequence[Posting]:
        if session_id is None:
            after, before = f"{token},{start[0]}", f"{token}-"  # "-" follows "," in ASCII
        else:
            after, before = f"{token},{session_id},", f"{token},{session_id}-"
        rows = self._words.scan(_bucket(org_id, token), after=after, before=before, page_size=limit)
        postings = (posting for _, posting in self._posting_reader.read_each(rows))
        return list(islice((posting for posting in postings if posting.key >= start), limit))

    def passages(self, org_id: str, session_id: str, job_id: str, numbers: range) -> Sequence[Passage]:
        after = _passage_key(job_id, numbers.start - 1) if numbers.start else f"{job_id},"
        before = _passage_key(job_id, numbers.stop)
        rows = self._passages.scan(_partition(org_id, session_id), after=after, before=before)
        return [passage for _, passage in self._passage_reader.read_each(rows)]

    def _forward(self, org_id: str, session_id: str, job_id: str) -> Iterator[Row]:
        """Yield the job's rows of `passages`, with no more than their version and new tokens."""
        return self._passages.scan(
            _partition(org_id, session_id),
            after=f"{job_id},",
            before=f"{job_id}-",
            select=(VERSION_COLUMN, _NEW_TOKENS),
        )

    def _new_tokens(self, rows: Iterable[Row]) -> set[str]:
        return {token for _, tokens in self._token_reader.read_each(rows) for token in tokens}

    def _delete_words(self, org_id: str, session_id: str, job_id: str, tokens: Iterable[str]) -> None:
        keys = defaultdict(list)
        for token in tokens:
            keys[_bucket(org_id, token)].append(_word_key(token, session_id, job_id))
        for bucket, of_bucket in keys.items():
            self._words.delete_many(bucket, of_bucket)


def encode_positions(positions: Iterable[int]) -> str:
    """Return the positions, which rise, as a text of distances, each from the position before.

    It holds as many as fit into a column: more than 5,000 however far apart they are.
    """
    text = " ".join(str(after - before) for before, after in pairwise((0, *positions)))
    return text if len(text) <= MAX_STRING_UNITS else text[: text.rindex(" ", 0, MAX_STRING_UNITS + 1)]


def decode_positions(text: str) -> tuple[int, ...]:
    """Return the positions that `encode_positions` wrote."""
    return tuple(accumulate(map(int, text.split())))


def _word_rows(transcript: IndexedTranscript) -> Iterator[Row]:
    session_id, job_id = transcript.session_id, transcript.job_id
    for token, positions in transcript.positions.items():
        columns: Columns = {
            "token": token,
            "sessionId": session_id,
            "jobId": job_id,
            "positions": encode_positions(positions),
            "inTitle": token in transcript.title,
        }
        key = _word_key(token, session_id, job_id)
        yield Row(_bucket(transcript.org_id, token), key, with_version(_WORDS, columns))


def _posting(columns: Columns) -> Posting:
    return Posting(
        token=str(columns["token"]),
        session_id=str(columns["sessionId"]),
        job_id=str(columns["jobId"]),
        positions=decode_positions(str(columns["positions"])),
        in_title=bool(columns["inTitle"]),
    )


def _passage_rows(transcript: IndexedTranscript) -> Iterator[Row]:
    for passage in transcript.passages:
        columns: Columns = {
            "jobId": transcript.job_id,
            "number": passage.number,
            "firstToken": passage.first_token,
            "spaced": passage.spaced,
            "words": "\n".join(word.text for word in passage.words),
            "times": "\n".join(f"{round(word.start, 3)} {round(word.end, 3)}" for word in passage.words),
            _NEW_TOKENS: " ".join(passage.new_tokens),
        }
        partition = _partition(transcript.org_id, transcript.session_id)
        yield Row(partition, _passage_key(transcript.job_id, passage.number), with_version(_PASSAGES, columns))


def _passage(columns: Columns) -> Passage:
    times = (map(float, line.split()) for line in str(columns["times"]).split("\n"))
    return Passage(
        number=int(str(columns["number"])),
        first_token=int(str(columns["firstToken"])),
        words=tuple(
            SpokenWord(text, *span) for text, span in zip(str(columns["words"]).split("\n"), times, strict=True)
        ),
        spaced=bool(columns["spaced"]),
        new_tokens=_tokens_in(columns),
    )


def _tokens_in(columns: Columns) -> tuple[str, ...]:
    return tuple(str(columns[_NEW_TOKENS]).split())


def _bucket(org_id: str, token: str) -> str:
    return f"{org_id}|{crc32(token.encode()) % BUCKETS:02d}"


def _partition(org_id: str, session_id: str) -> str:
    return f"{org_id}|{session_id}"


def _word_key(token: str, session_id: str, job_id: str) -> str:
    return f"{token},{session_id},{job_id}"


def _passage_key(job_id: str, number: int) -> str:
    return f"{job_id},{number:06d}"

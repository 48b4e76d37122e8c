import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { api, bodyOf } from "../api/client";
import type { Schemas } from "../api/types";
import { clock } from "../format";
import { messages } from "../messages";
import { Icon } from "../ui/Icon";
import { PageHead } from "../ui/PageHead";
import { Empty, ErrorNotice, Skeleton } from "../ui/states";
import { piecesOf } from "./highlight";
import "../styles/search.css";

type Found = Omit<Schemas["FoundView"], "highlights"> & { highlights: readonly (readonly number[])[] };
const PAGE_SIZE = 30;

/** Search every recording; a result opens its recording at the second where the words were said. */
export function SearchPage() {
  const { q = "" } = useSearch({ from: "/search" });
  const navigate = useNavigate();
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);

  const found = useInfiniteQuery({
    queryKey: ["search", q],
    enabled: q !== "",
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { q, limit: PAGE_SIZE, ...(pageParam ? { cursor: pageParam } : {}) };
      return bodyOf(api().GET("/search", { params: { query }, signal }));
    },
    getNextPageParam: (page) =>
      page.nextLink ? new URL(page.nextLink, window.location.origin).searchParams.get("cursor") : null,
  });
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  const groups = Map.groupBy(items, (item) => item.sessionId);

  function submit(event: FormEvent) {
    event.preventDefault();
    void navigate({ to: "/search", search: text.trim() ? { q: text.trim() } : {} });
  }

  return (
    <div className="page">
      <PageHead title={messages.search.title} lead={messages.search.lead} />
      <form role="search" className="searchbox" onSubmit={submit}>
        <Icon name="search" />
        <input
          className="input"
          type="search"
          aria-label={messages.search.label}
          placeholder={messages.search.placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button button--primary">
          {messages.search.submit}
        </button>
      </form>
      <p className="muted found__count" role="status">
        {found.data && items.length > 0 && messages.search.count(items.length, found.hasNextPage)}
      </p>
      {q === "" && (
        <Empty icon="search" title={messages.search.emptyTitle}>
          <p>{messages.search.empty}</p>
        </Empty>
      )}
      {q !== "" && found.isPending && <Skeleton height="4.5rem" count={4} />}
      {found.error && <ErrorNotice error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && items.length === 0 && (
        <Empty icon="search" title={messages.search.noneTitle}>
          <p>{messages.search.none(q)}</p>
        </Empty>
      )}
      {[...groups.entries()].map(([sessionId, moments]) => (
        <section key={sessionId} className="found">
          <h2>
            <Link to="/sessions/$sessionId" params={{ sessionId }}>
              {moments[0]?.sessionName || messages.jobs.untitled}
            </Link>
          </h2>
          <ul>
            {moments.map((moment) => (
              <Moment key={`${moment.source}-${moment.start}-${moment.snippet}`} moment={moment} />
            ))}
          </ul>
        </section>
      ))}
      {found.data?.pages.some((page) => !page.complete) && <p className="muted">{messages.search.incomplete}</p>}
      {found.hasNextPage && (
        <button type="button" className="button" onClick={() => void found.fetchNextPage()}>
          {messages.search.more}
        </button>
      )}
    </div>
  );
}

function Moment({ moment }: { moment: Found }) {
  return (
    <li>
      <Link
        to="/sessions/$sessionId"
        params={{ sessionId: moment.sessionId }}
        hash={`t=${moment.start.toFixed(2)}`}
        className="moment"
      >
        <span className="moment__time num">
          <span className="visually-hidden">{messages.search.at("")}</span>
          {clock(moment.start)}
        </span>
        <span>
          {moment.source === "slide" && <span className="moment__source">{messages.search.slide}</span>}
          {piecesOf(moment.snippet, moment.highlights).map((piece) =>
            piece.isMarked ? <mark key={piece.at}>{piece.text}</mark> : <span key={piece.at}>{piece.text}</span>,
          )}
        </span>
      </Link>
    </li>
  );
}

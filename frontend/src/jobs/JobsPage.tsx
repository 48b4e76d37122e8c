import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { messages } from "../messages";
import { PageHead } from "../ui/PageHead";
import { Empty, ErrorNotice, Skeleton } from "../ui/states";
import { JobRow } from "./JobRow";
import { FILTERS, jobsQuery } from "./queries";
import "../styles/jobs.css";

/** List the jobs, live. The filter is in the address, so that it survives a reload and can be shared. */
export function JobsPage() {
  const { show = "all" } = useSearch({ from: "/jobs" });
  const list = useInfiniteQuery(jobsQuery(show));
  const jobs = list.data?.pages.flatMap((page) => page.items) ?? [];

  return (
    <div className="page">
      <PageHead title={messages.jobs.title} lead={messages.jobs.lead}>
        <nav className="segmented" aria-label={messages.jobs.filter}>
          {FILTERS.map((filter) => (
            <Link
              key={filter}
              to="/jobs"
              search={filter === "all" ? {} : { show: filter }}
              aria-current={filter === show ? "page" : undefined}
            >
              {messages.jobs[filter]}
            </Link>
          ))}
        </nav>
      </PageHead>
      {list.isPending && <Skeleton height="7rem" count={3} />}
      {list.error && <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />}
      {list.data && jobs.length === 0 && <NoJobs isFiltered={show !== "all"} />}
      <ul className="jobs">
        {jobs.map((job) => (
          <JobRow key={job.jobId} listed={job} />
        ))}
      </ul>
      {list.hasNextPage && (
        <p className="jobs__more">
          <button
            type="button"
            className="button"
            disabled={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            {messages.jobs.more}
          </button>
        </p>
      )}
    </div>
  );
}

function NoJobs({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty icon="film" title={messages.jobs.emptyFilterTitle}>
        <p>{messages.jobs.emptyFilter}</p>
        <Link to="/jobs" className="button">
          {messages.jobs.showAll}
        </Link>
      </Empty>
    );
  }
  return (
    <Empty icon="film" title={messages.jobs.emptyTitle}>
      <p>{messages.jobs.empty}</p>
      <Link to="/submit" className="button button--primary">
        {messages.app.submit}
      </Link>
    </Empty>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Job, Schemas } from "../api/types";
import { clock, dateTime, duration, percent, relative } from "../format";
import { messages } from "../messages";
import { Ask } from "../ui/Ask";
import { AuthImage } from "../ui/AuthImage";
import { Icon } from "../ui/Icon";
import { ErrorNotice } from "../ui/states";
import { remainingSec, speedOf, tookSec } from "./estimate";
import { cancelJob, deleteSession, retryJob, sessionNameQuery, verdictQuery } from "./queries";
import { StageBars } from "./StageBars";
import { isFinal, toneOf } from "./status";
import { useLiveJob } from "./useLiveJob";

const UNKNOWN_MS = 3000;
const FIRST_PICTURE = "scene-0001.jpg";

/** Show one job: what it is about, how far it is, what came of it, and what can be done. */
export function JobRow({ listed }: { listed: Job }) {
  const { job, lines } = useLiveJob(listed);
  const session = useQuery({
    ...sessionNameQuery(job.sessionId),
    refetchInterval: ({ state }) => (!isFinal(job.status) && state.data?.durationSec === null ? UNKNOWN_MS : false),
  });
  const verdict = useQuery(verdictQuery(job.sessionId, job.jobId, job.status === "DONE")).data ?? null;
  const name = session.data?.name || messages.jobs.untitled;
  const final = isFinal(job.status);
  const params = { sessionId: job.sessionId };

  return (
    <li className="job" data-job={job.jobId} data-status={job.status}>
      <Link to="/sessions/$sessionId" params={params} className="job__poster" tabIndex={-1} aria-hidden="true">
        <Poster job={job} hasPicture={session.data?.hasPicture ?? false} />
        {session.data?.durationSec != null && (
          <span className="job__length num">{clock(session.data.durationSec)}</span>
        )}
      </Link>
      <div className="job__main">
        <div className="job__head">
          <h2>
            <Link to="/sessions/$sessionId" params={params}>
              {name}
            </Link>
          </h2>
          <span className={`chip chip--${job.cancelRequested && !final ? "muted" : toneOf(job.status)}`}>
            {job.cancelRequested && !final ? messages.jobs.canceling : messages.status[job.status]}
          </span>
        </div>
        <p className="job__facts muted num">{facts(job, session.data?.durationSec ?? null, verdict)}</p>
        {!final && (
          <>
            <div
              className="meter job__meter"
              role="progressbar"
              aria-label={messages.jobs.progressOf(name)}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(job.progress * 100)}
            >
              <div style={{ width: percent(job.progress) }} />
            </div>
            <StageBars job={job} />
          </>
        )}
        {!final && lines && (
          <p className="job__lines">
            <span className="visually-hidden">{messages.jobs.firstLines}: </span>
            {lines}
          </p>
        )}
        <Verdict unusable={verdict?.verdict === "unusable"} reasons={verdict?.reasons ?? (final ? [] : job.warnings)} />
        {job.error && job.status === "ERROR" && <JobErrorNotice error={job.error} />}
        <JobActions job={job} name={name} />
      </div>
    </li>
  );
}

function facts(job: Job, durationSec: number | null, verdict: Schemas["Quality"] | null): string {
  const left = remainingSec(job);
  const took = tookSec(job);
  const speed = speedOf(job, durationSec);
  const isLater = job.startAt !== null && job.startedAt === null && Date.parse(job.startAt) > Date.now();
  return [
    messages.jobs.submitted(relative(job.createdAt)),
    isLater && job.startAt && messages.jobs.startsAt(dateTime(job.startAt)),
    job.attempt > 1 && messages.jobs.attempt(job.attempt),
    took !== null && messages.jobs.took(duration(took)),
    !isFinal(job.status) && percent(job.progress),
    speed !== null && messages.jobs.speed(speed.toFixed(1)),
    left !== null && messages.jobs.remaining(duration(left.sec), duration(left.low), duration(left.high)),
    verdict?.verdict === "ok" && messages.jobs.fine,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** Say in a line what is wrong with the recording; the recording's page has every reason with its time. */
function Verdict({ unusable, reasons }: { unusable: boolean; reasons: readonly { text: string }[] }) {
  const [first, ...more] = reasons;
  if (!first) return null;
  const text = messages.session.verdict;
  return (
    <p className={`job__verdict ${unusable ? "job__verdict--bad" : ""}`}>
      <Icon name="alert" />
      <span>
        {unusable ? text.unusable : text.check}: {first.text}{" "}
        {more.length > 0 && messages.jobs.moreReasons(more.length)}
      </span>
    </p>
  );
}

function Poster({ job, hasPicture }: { job: Job; hasPicture: boolean }) {
  const empty = (
    <span className="job__noposter">
      <Icon name="film" />
    </span>
  );
  if (!hasPicture && job.status !== "DONE") return empty;
  const path = `/sessions/${job.sessionId}/thumbnails/${FIRST_PICTURE}`;
  return <AuthImage path={path} alt="" fallback={empty} />;
}

function JobErrorNotice({ error }: { error: NonNullable<Job["error"]> }) {
  const help = error.retryable ? messages.jobs.errorHelp.retryable : messages.jobs.errorHelp.permanent;
  return (
    <div className="notice notice--bad">
      <Icon name="alert" />
      <div className="notice__body">
        <p>
          <strong>{error.title}</strong>
        </p>
        <p>{error.detail}</p>
        <p className="muted">{help}</p>
      </div>
    </div>
  );
}

type Question = "cancel" | "delete" | null;

function JobActions({ job, name }: { job: Job; name: string }) {
  const queries = useQueryClient();
  const [question, setQuestion] = useState<Question>(null);
  const again = () => queries.invalidateQueries({ queryKey: ["jobs"] });
  const done = () => {
    setQuestion(null);
    return again();
  };
  const cancel = useMutation({ mutationFn: () => cancelJob(job.jobId), onSuccess: done, onError: done });
  const remove = useMutation({ mutationFn: () => deleteSession(job.sessionId), onSuccess: done, onError: done });
  const retry = useMutation({ mutationFn: () => retryJob(job.jobId), onSettled: again });
  const failed = cancel.error ?? remove.error ?? retry.error;
  const final = isFinal(job.status);

  return (
    <>
      {failed && <ErrorNotice error={failed} />}
      <div className="job__actions" role="group" aria-label={messages.jobs.actionsFor(name)}>
        {final && job.status !== "DONE" && (
          <button
            type="button"
            className="button button--small"
            disabled={retry.isPending}
            onClick={() => retry.mutate()}
          >
            <Icon name="retry" />
            {messages.jobs.retry}
          </button>
        )}
        {!final && !job.cancelRequested && (
          <button type="button" className="button button--small" onClick={() => setQuestion("cancel")}>
            <Icon name="stop" />
            {messages.jobs.cancel}
          </button>
        )}
        <button type="button" className="button button--small button--quiet" onClick={() => setQuestion("delete")}>
          <Icon name="trash" />
          {messages.jobs.delete}
        </button>
      </div>
      <Ask
        open={question === "cancel"}
        title={messages.jobs.cancelTitle}
        yes={messages.jobs.cancelYes}
        no={messages.jobs.cancelNo}
        busy={cancel.isPending}
        onYes={() => cancel.mutate()}
        onClose={() => setQuestion(null)}
      >
        {messages.jobs.cancelBody(name)}
      </Ask>
      <Ask
        open={question === "delete"}
        title={messages.jobs.deleteTitle}
        yes={messages.jobs.deleteYes}
        no={messages.jobs.deleteNo}
        danger
        busy={remove.isPending}
        onYes={() => remove.mutate()}
        onClose={() => setQuestion(null)}
      >
        {messages.jobs.deleteBody(name)}
      </Ask>
    </>
  );
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { api, bodyOf } from "../api/client";
import { ApiError } from "../api/problem";
import type { JobStatus, Schemas } from "../api/types";
import { bytes, dateTime, duration, relative } from "../format";
import { messages } from "../messages";
import { Ask } from "../ui/Ask";
import { PageHead } from "../ui/PageHead";
import { ErrorNotice, Skeleton } from "../ui/states";
import "../styles/operations.css";

type Queue = Schemas["QueueView"];
type Schedule = Schemas["ScheduleView"];
const text = messages.operations;
const REFRESH_MS = 5000;
const LIST_LENGTH = 20;

/** Show an operator what waits, what was given up, and what will happen by itself. */
export function OperationsPage() {
  return (
    <div className="page">
      <PageHead title={text.title} lead={text.lead} />
      <QueueHealth />
      <Tasks />
      <Schedules />
      <Removals />
    </div>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="ops" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Failed({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.status === 403) return <p className="muted">{text.forbidden}</p>;
  return <ErrorNotice error={error} />;
}

function QueueHealth() {
  const health = useQuery({
    queryKey: ["queues"],
    queryFn: ({ signal }) => bodyOf(api().GET("/jobs/queue-info", { signal })),
    refetchInterval: REFRESH_MS,
  });
  const quiet = health.data?.queues.every((queue) => queue.waiting === 0 && queue.poison === 0);
  return (
    <>
      <Section title={text.jobs}>
        {health.isPending && <Skeleton height="4rem" />}
        {health.error && <Failed error={health.error} />}
        {health.data && (
          <dl className="counts">
            {Object.entries(messages.status).map(([status, label]) => (
              <div key={status}>
                <dt>{label}</dt>
                <dd className="num">{health.data.jobs[status as JobStatus] ?? 0}</dd>
              </div>
            ))}
          </dl>
        )}
      </Section>
      <Section title={text.queues}>
        {quiet && <p className="muted">{text.healthy}</p>}
        {health.data && (
          <div className="table" role="region" aria-label={text.queues} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{text.queue}</th>
                  <th scope="col">{text.waiting}</th>
                  <th scope="col">{text.oldest}</th>
                  <th scope="col">{text.dead}</th>
                  <td />
                </tr>
              </thead>
              <tbody>
                {health.data.queues.map((queue) => (
                  <QueueRow key={queue.name} queue={queue} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {health.data?.queues
          .filter((queue) => queue.poison > 0)
          .map((queue) => (
            <DeadLetters key={queue.name} queue={queue.name} count={queue.poison} />
          ))}
      </Section>
    </>
  );
}

/** List the dead letters of a queue, each with its reason and a way to remove it. */
function DeadLetters({ queue, count }: { queue: string; count: number }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<string | null>(null);
  const letters = useQuery({
    queryKey: ["letters", queue, count],
    queryFn: ({ signal }) =>
      bodyOf(
        api().GET("/jobs/poison/{queue}", {
          params: { path: { queue }, query: { limit: LIST_LENGTH } },
          signal,
        }),
      ),
  });
  const remove = useMutation({
    mutationFn: (letterId: string) =>
      api().DELETE("/jobs/poison/{queue}/{letterId}", { params: { path: { queue, letterId } } }),
    onSettled: async () => {
      setAsked(null);
      await queries.invalidateQueries({ queryKey: ["letters", queue] });
      await queries.invalidateQueries({ queryKey: ["queues"] });
    },
  });
  const error = letters.error ?? remove.error;
  if (error) return <Failed error={error} />;
  if (!letters.data) return null;
  return (
    <>
      <h3 className="letters__title">
        {text.letters} {text.letterOf(queue)}
      </h3>
      <ul className="letters">
        {letters.data.items.map((letter) => (
          <li key={letter.letterId} className="letters__row">
            <span>
              {letter.reason} <span className="muted num">{relative(letter.at)}</span>
              {letter.jobId && <code className="muted"> {letter.jobId}</code>}
            </span>
            <button
              type="button"
              className="button button--small"
              aria-label={text.removeLetter(letter.reason)}
              onClick={() => setAsked(letter.letterId)}
            >
              {text.remove}
            </button>
          </li>
        ))}
      </ul>
      <Ask
        open={asked !== null}
        title={text.removeLetterTitle}
        yes={text.removeYes}
        no={text.removeNo}
        danger
        busy={remove.isPending}
        onYes={() => asked !== null && remove.mutate(asked)}
        onClose={() => setAsked(null)}
      >
        {text.removeLetterBody}
      </Ask>
    </>
  );
}

function QueueRow({ queue }: { queue: Queue }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const requeue = useMutation({
    mutationFn: () => bodyOf(api().POST("/jobs/poison/{queue}/requeue", { params: { path: { queue: queue.name } } })),
    onSettled: () => {
      setAsking(false);
      return queries.invalidateQueries({ queryKey: ["queues"] });
    },
  });
  return (
    <tr>
      <th scope="row">{queue.name}</th>
      <td className="num">{queue.waiting}</td>
      <td className="num">{queue.oldestSeconds === null ? text.none : duration(queue.oldestSeconds)}</td>
      <td className={`num ${queue.poison > 0 ? "is-bad" : ""}`}>{queue.poison}</td>
      <td className="table__action">
        {requeue.error && <Failed error={requeue.error} />}
        {requeue.data && <span role="status">{text.requeued(requeue.data.requeued)}</span>}
        {queue.poison > 0 && (
          <button
            type="button"
            className="button button--small"
            aria-label={text.requeueFor(queue.name)}
            onClick={() => setAsking(true)}
          >
            {text.requeue}
          </button>
        )}
        <Ask
          open={asking}
          title={text.requeueTitle}
          yes={text.requeueYes}
          no={text.requeueNo}
          busy={requeue.isPending}
          onYes={() => requeue.mutate()}
          onClose={() => setAsking(false)}
        >
          {text.requeueBody(queue.poison, queue.name)}
        </Ask>
      </td>
    </tr>
  );
}

/** Show the task queue: background jobs and crons, with a way to try a failed one again. */
function Tasks() {
  const queries = useQueryClient();
  const tasks = useQuery({
    queryKey: ["tasks"],
    queryFn: ({ signal }) => bodyOf(api().GET("/tasks", { params: { query: { limit: LIST_LENGTH } }, signal })),
    refetchInterval: REFRESH_MS,
  });
  const retry = useMutation({
    mutationFn: (taskId: string) => bodyOf(api().POST("/tasks/{taskId}/retry", { params: { path: { taskId } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["tasks"] }),
  });
  const error = tasks.error ?? retry.error;
  if (error)
    return (
      <Section title={text.tasks}>
        <Failed error={error} />
      </Section>
    );
  if (!tasks.data) return null;
  const { items } = tasks.data;
  return (
    <Section title={text.tasks}>
      {items.length === 0 ? (
        <p className="muted">{text.noTasks}</p>
      ) : (
        <div className="table" role="region" aria-label={text.tasks} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text.task}</th>
                <th scope="col">{text.state}</th>
                <th scope="col">{text.attempts}</th>
                <th scope="col">{text.nextRun}</th>
                <th scope="col">{text.lastError}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {items.map((task) => (
                <tr key={task.taskId}>
                  <th scope="row">
                    {task.name}
                    {task.cron && <span className="muted"> {task.cron}</span>}
                  </th>
                  <td>{task.state}</td>
                  <td className="num">{task.attempts}</td>
                  <td>{task.nextRunAt ? relative(task.nextRunAt) : text.none}</td>
                  <td className="table__long">{task.lastError ?? text.none}</td>
                  <td className="table__action">
                    {task.state === "failed" && (
                      <button
                        type="button"
                        className="button button--small"
                        aria-label={text.retryTask(task.name)}
                        onClick={() => retry.mutate(task.taskId)}
                      >
                        {messages.jobs.retry}
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Schedules() {
  const schedules = useQuery({
    queryKey: ["schedules"],
    queryFn: ({ signal }) => bodyOf(api().GET("/schedules", { params: { query: { limit: LIST_LENGTH } }, signal })),
  });
  const items = schedules.data?.items ?? [];
  return (
    <Section title={text.schedules}>
      {schedules.isPending && <Skeleton height="4rem" />}
      {schedules.error && <Failed error={schedules.error} />}
      {schedules.data && items.length === 0 && <p className="muted">{text.noSchedules}</p>}
      {items.length > 0 && (
        <div className="table" role="region" aria-label={text.schedules} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text.cron}</th>
                <th scope="col">{text.session}</th>
                <th scope="col">{text.nextRun}</th>
                <th scope="col">{text.last}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {items.map((schedule) => (
                <ScheduleRow key={schedule.scheduleId} schedule={schedule} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function ScheduleRow({ schedule }: { schedule: Schedule }) {
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const job = schedule.job as { sessionName?: string | null; sourceUrl?: string | null; sessionId?: string | null };
  const what = job.sessionName ?? job.sourceUrl ?? job.sessionId ?? schedule.scheduleId;
  const remove = useMutation({
    mutationFn: () =>
      api().DELETE("/schedules/{scheduleId}", { params: { path: { scheduleId: schedule.scheduleId } } }),
    onSettled: () => {
      setAsking(false);
      return queries.invalidateQueries({ queryKey: ["schedules"] });
    },
  });
  return (
    <tr>
      <th scope="row">
        <code>{schedule.cron}</code> <span className="muted">{schedule.timeZone}</span>
      </th>
      <td className="table__long">{what}</td>
      <td>{dateTime(schedule.nextRunAt)}</td>
      <td>
        {schedule.lastRunAt ? relative(schedule.lastRunAt) : text.none}
        {schedule.lastError && <span className="is-bad"> {schedule.lastError}</span>}
      </td>
      <td className="table__action">
        {remove.error && <Failed error={remove.error} />}
        <button
          type="button"
          className="button button--small"
          aria-label={text.removeFor(what)}
          onClick={() => setAsking(true)}
        >
          {text.remove}
        </button>
        <Ask
          open={asking}
          title={text.removeTitle}
          yes={text.removeYes}
          no={text.removeNo}
          danger
          busy={remove.isPending}
          onYes={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          {text.removeBody(what)}
        </Ask>
      </td>
    </tr>
  );
}

function Removals() {
  const removals = useQuery({
    queryKey: ["removals"],
    queryFn: ({ signal }) => bodyOf(api().GET("/removals", { params: { query: { limit: LIST_LENGTH } }, signal })),
  });
  const items = removals.data?.items ?? [];
  return (
    <Section title={text.removals}>
      {removals.error && <Failed error={removals.error} />}
      {removals.data && items.length === 0 && <p className="muted">{text.noRemovals}</p>}
      {items.length > 0 && (
        <div className="table" role="region" aria-label={text.removals} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text.session}</th>
                <th scope="col">{text.reason}</th>
                <th scope="col">{text.when}</th>
                <th scope="col">{text.freed}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((removal) => (
                <tr key={removal.removalId}>
                  <th scope="row">
                    <code>{removal.sessionId}</code>
                  </th>
                  <td>{text.reasons[removal.reason]}</td>
                  <td>{relative(removal.at)}</td>
                  <td className="num">{bytes(removal.sizeBytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

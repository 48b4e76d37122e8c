import type { ReactNode } from "react";
import { ApiError } from "../api/problem";
import { messages } from "../messages";
import { Icon, type IconName } from "./Icon";

/** Say what went wrong and what the reader can do. */
export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const known = error instanceof ApiError;
  return (
    <div className="notice notice--bad" role="alert">
      <Icon name="alert" />
      <div className="notice__body">
        <p>
          <strong>{known ? error.title : messages.errors.title}</strong>
        </p>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        {onRetry && (
          <button type="button" className="button button--small" onClick={onRetry}>
            {messages.errors.retry}
          </button>
        )}
      </div>
    </div>
  );
}

/** Say that there is nothing, and what to do about it. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Hold the place of what is loading, so that the page does not jump. */
export function Skeleton({ height, count = 1 }: { height: string; count?: number }) {
  const rows = Array.from({ length: count }, (_, index) => index);
  return (
    <div role="status" style={{ display: "grid", gap: "0.75rem" }}>
      <span className="visually-hidden">{messages.app.loading}</span>
      {rows.map((row) => (
        <div key={row} className="skeleton" style={{ height }} />
      ))}
    </div>
  );
}

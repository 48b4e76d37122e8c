import { messages } from "../messages";
import type { components } from "./schema";

export type Problem = components["schemas"]["Problem"];

/** A refusal of the API, or a request that never arrived, as a sentence for the reader. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly retryable: boolean;

  constructor(problem: Pick<Problem, "status" | "code" | "title" | "detail" | "retryable">) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.title = problem.title;
    this.retryable = problem.retryable;
  }

  /** Return whether the result is not there yet or not made at all. */
  get isMissing(): boolean {
    return this.status === 404;
  }
}

/** Return the error for an answer's body, which a proxy may have replaced by something else. */
export function errorOf(status: number, body: unknown): ApiError {
  if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
    const problem = body as Problem;
    return new ApiError({ ...problem, status, detail: withPointers(problem) });
  }
  return new ApiError({
    status,
    code: "unknown",
    title: messages.errors.unknownTitle,
    detail: messages.errors.unknown(status),
    retryable: status >= 500,
  });
}

/** Return the error for a request that got no answer. */
export function unreachable(): ApiError {
  return new ApiError({
    status: 0,
    code: "unreachable",
    title: messages.errors.unreachableTitle,
    detail: messages.errors.unreachable,
    retryable: true,
  });
}

function withPointers(problem: Problem): string {
  const wrong = (problem.errors ?? []) as { pointer?: string; detail?: string }[];
  const more = wrong.map((each) => [each.pointer, each.detail].filter(Boolean).join(": "));
  return [problem.detail, ...more].filter(Boolean).join(" · ");
}

import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { JobsPage } from "./jobs/JobsPage";
import { FILTERS, type Filter } from "./jobs/queries";
import { messages } from "./messages";
import { Layout } from "./ui/Layout";
import { Empty } from "./ui/states";

const root = createRootRoute({ component: Layout, notFoundComponent: NotFound, errorComponent: Crashed });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/jobs" });
  },
});

const jobs = createRoute({
  getParentRoute: () => root,
  path: "/jobs",
  validateSearch: (search: Record<string, unknown>): { show?: Filter } => {
    const show = FILTERS.find((filter) => filter === search.show && filter !== "all");
    return show ? { show } : {};
  },
  component: JobsPage,
});

const search = createRoute({
  getParentRoute: () => root,
  path: "/search",
  validateSearch: (given: Record<string, unknown>): { q?: string } =>
    given.q === undefined || given.q === "" ? {} : { q: String(given.q) },
  component: lazyRouteComponent(() => import("./search/SearchPage"), "SearchPage"),
});

const operations = createRoute({
  getParentRoute: () => root,
  path: "/operations",
  component: lazyRouteComponent(() => import("./operations/OperationsPage"), "OperationsPage"),
});

const submit = createRoute({
  getParentRoute: () => root,
  path: "/submit",
  component: lazyRouteComponent(() => import("./submit/SubmitPage"), "SubmitPage"),
});

const session = createRoute({
  getParentRoute: () => root,
  path: "/sessions/$sessionId",
  validateSearch: (given: Record<string, unknown>): { edit?: true } => (given.edit === true ? { edit: true } : {}),
  component: lazyRouteComponent(() => import("./session/SessionPage"), "SessionPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([home, jobs, search, operations, submit, session]),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <div className="page">
      <Empty icon="film" title={messages.app.notFoundTitle}>
        <p>{messages.app.notFound}</p>
        <Link to="/jobs" className="button">
          {messages.app.toJobs}
        </Link>
      </Empty>
    </div>
  );
}

function Crashed() {
  return (
    <div className="page">
      <Empty icon="alert" title={messages.app.crashTitle}>
        <p>{messages.app.crash}</p>
        <button type="button" className="button" onClick={() => window.location.reload()}>
          {messages.app.reload}
        </button>
      </Empty>
    </div>
  );
}

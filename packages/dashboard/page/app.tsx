import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session, SessionConnection } from "../src/api/session.ts";
import { ActionsProvider } from "./actions.tsx";
import { openSession } from "./api.ts";
import { short } from "./format.ts";
import { linkTo, type LiveState, useLive, usePlace } from "./hooks.ts";
import { DeadPage } from "./pages/dead.tsx";
import { FlowsPage } from "./pages/flows.tsx";
import { JobPage } from "./pages/job.tsx";
import { JobsPage } from "./pages/jobs.tsx";
import { LimitsPage } from "./pages/limits.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { QueuesPage } from "./pages/queues.tsx";
import { SchedulesPage } from "./pages/schedules.tsx";
import { WorkersPage } from "./pages/workers.tsx";
import { Data, Empty, Failure, Skeleton } from "./ui.tsx";

/** What every page is given. */
export interface PageProps {
  readonly connection: SessionConnection;
  readonly live: LiveState;
  readonly query: URLSearchParams;
  readonly session: Session;
}

const PAGES: readonly (readonly [name: string, title: string, page: (props: PageProps) => JSX.Element])[] = [
  ["", "Overview", OverviewPage],
  ["queues", "Queues", QueuesPage],
  ["jobs", "Jobs", JobsPage],
  ["dead", "Dead letters", DeadPage],
  ["schedules", "Schedules", SchedulesPage],
  ["workers", "Workers", WorkersPage],
  ["limits", "Limits", LimitsPage],
  ["flows", "Flows", FlowsPage],
];

export function App(): JSX.Element {
  const [session, setSession] = useState<Session | Error | null>(null);
  useEffect(() => {
    openSession().then(setSession, setSession);
  }, []);
  if (session === null)
    return (
      <main class="alone">
        <Skeleton />
      </main>
    );
  if (session instanceof Error)
    return (
      <main class="alone">
        <Failure error={session} />
      </main>
    );
  return <Shell session={session} />;
}

function Shell({ session }: { readonly session: Session }): JSX.Element {
  const place = usePlace();
  const [first] = session.connections as [SessionConnection];
  const connection = session.connections.find(({ name }) => name === place.connection) ?? first;
  const live = useLive(connection.name);
  const dead = live.snapshot?.queues?.reduce((sum, queue) => sum + queue.dead, 0) ?? 0;
  const shown = PAGES.filter(([name]) => name !== "flows" || connection.has.flows);
  const isJob = place.page === "job";
  const [name, title, Page] = shown.find(([one]) => one === place.page) ?? (PAGES[0] as (typeof PAGES)[number]);
  const current = isJob ? "jobs" : name;

  useEffect(() => {
    document.title = `${isJob ? "Job" : title} · waybill`;
    // On a phone the list of pages is wider than the screen.
    document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isJob, title]);

  return (
    <ActionsProvider connection={connection.name} readOnly={session.readOnly}>
      <a class="skip" href="#content" onClick={(event) => focusContent(event)}>
        Skip to content
      </a>
      <div class="shell">
        <aside class="side">
          <a class="brand" href={linkTo(connection.name, "")}>
            <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
              <rect width="32" height="32" rx="7" class="brand-box" />
              <path d="M6 10l4.500 12L16 11l5.500 11L26 10" class="brand-line" />
            </svg>
            waybill
          </a>
          <ConnectionChoice session={session} connection={connection} page={place.page} />
          <nav aria-label="Pages">
            {shown.map(([to, text]) => (
              <a key={to} href={linkTo(connection.name, to)} aria-current={to === current ? "page" : undefined}>
                {text}
                {to === "dead" && dead > 0 && <span class="nav-count">{short(dead)}</span>}
              </a>
            ))}
          </nav>
          <footer class="side-foot">
            <LiveMark live={live} />
            <span class="who">
              {session.readOnly ? "Read only · " : ""}
              <Data value={session.user} />
            </span>
          </footer>
        </aside>
        <main id="content" tabIndex={-1}>
          {live.snapshot?.problem && (
            <p class="notice bad" role="alert">
              <Data value={`The backend does not respond: ${live.snapshot.problem}`} />
            </p>
          )}
          {isJob ? (
            <JobPage
              key={place.query.get("id")}
              connection={connection}
              live={live}
              query={place.query}
              session={session}
            />
          ) : (
            <Page
              key={connection.name + name}
              connection={connection}
              live={live}
              query={place.query}
              session={session}
            />
          )}
        </main>
      </div>
    </ActionsProvider>
  );
}

function ConnectionChoice({
  session,
  connection,
  page,
}: {
  readonly session: Session;
  readonly connection: SessionConnection;
  readonly page: string;
}): JSX.Element {
  const { name, backend, address } = connection;
  return (
    <div class="connection">
      {session.connections.length > 1 ? (
        <select
          aria-label="Connection"
          value={name}
          onChange={({ currentTarget }) =>
            (location.hash = linkTo(currentTarget.value, page === "job" ? "jobs" : page))
          }
        >
          {session.connections.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name} · {one.backend}
            </option>
          ))}
        </select>
      ) : (
        <span class="connection-name">
          {name} <span class="muted">{backend}</span>
        </span>
      )}
      <span class="address" title={address}>
        {address}
      </span>
    </div>
  );
}

function LiveMark({ live }: { readonly live: LiveState }): JSX.Element {
  const isLive = live.isConnected && live.snapshot?.problem === null;
  return (
    <span class={`live${isLive ? "" : " off"}`}>
      <i aria-hidden="true" />
      {isLive ? "Live" : live.isConnected ? "Waiting" : "Reconnecting"}
    </span>
  );
}

/** The hash names a page, so the link cannot be followed. */
function focusContent(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#content")?.focus();
}

/** What a page shows where the connection cannot do what it is about. */
export function NotHere({ error, what }: { readonly error: Error; readonly what: string }): JSX.Element {
  if ("code" in error && error.code === "CAPABILITY_MISSING")
    return <Empty title={`No ${what} here`}>{error.message}</Empty>;
  return <Failure error={error} />;
}

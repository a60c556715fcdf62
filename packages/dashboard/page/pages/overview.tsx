import { Fragment, type JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { HistoryView } from "../../src/live/history.ts";
import type { Snapshot } from "../../src/live/snapshot.ts";
import type { PageProps } from "../app.tsx";
import { count, percent, short, span } from "../format.ts";
import { linkTo, useLoaded } from "../hooks.ts";
import { Button, Data, Empty, Failure, Panel, Skeleton } from "../ui.tsx";
import { Charts } from "./charts.tsx";

export function OverviewPage({ connection, live: { snapshot } }: PageProps): JSX.Element {
  const [minutes, setMinutes] = useState(60);
  const charted = minutes === 60 ? "hour" : "day";
  const { value: history, error } = useLoaded<HistoryView>(`${connection.name}/history`, { span: charted });
  // The counts change four times a second, what is charted every few seconds.
  const charts = useMemo(() => history && <Charts history={history} minutes={minutes} />, [history, minutes]);
  if (snapshot === null) return <Skeleton rows={8} />;
  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <div class="switch" role="group" aria-label="Span of the charts">
          <Button small pressed={minutes === 60} onClick={() => setMinutes(60)}>
            Hour
          </Button>
          <Button small pressed={minutes === 1_440} onClick={() => setMinutes(1_440)}>
            Day
          </Button>
        </div>
      </header>
      <Notices snapshot={snapshot} connection={connection.name} />
      <Numbers snapshot={snapshot} recent={history?.recent ?? null} />
      {error && <Failure error={error} />}
      {history === null && !error && <Skeleton />}
      {charts}
      <Backlog snapshot={snapshot} connection={connection.name} />
    </>
  );
}

interface NumbersProps {
  readonly snapshot: Snapshot;
  /** Null until it is read. */
  readonly recent: HistoryView["recent"] | null;
}

function Numbers({ snapshot: { queues, workers }, recent }: NumbersProps): JSX.Element {
  const sum = (name: "ready" | "delayed" | "leased" | "dead"): number =>
    queues?.reduce((total, queue) => total + queue[name], 0) ?? 0;
  const oldest = queues?.reduce<number | null>(
    (most, { oldestWaitMs }) => (oldestWaitMs === null ? most : Math.max(most ?? 0, oldestWaitMs)),
    null,
  );
  return (
    <dl class="numbers">
      <Number name="Waiting" value={queues && short(sum("ready"))} note={`${count(sum("delayed"))} delayed`} />
      <Number
        name="Running"
        value={queues && short(sum("leased"))}
        note={
          workers
            ? `${count(workers.count)} ${workers.count === 1 ? "worker" : "workers"}, ${count(workers.slots)} slots`
            : "workers unknown"
        }
      />
      <Number name="Oldest wait" value={span(oldest)} note="of a ready job" />
      <Number name="Per minute" value={recent === null ? null : short(recent.perMinute)} note="completed, last 5 min" />
      <Number
        name="Failure rate"
        value={recent === null || recent.rate === null ? null : percent(recent.rate * 100)}
        note="of attempts, last 5 min"
      />
      <Number name="Dead letters" value={queues && short(sum("dead"))} note="kept for you" isBad={sum("dead") > 0} />
    </dl>
  );
}

interface NumberProps {
  readonly name: string;
  readonly value: string | null;
  readonly note: string;
  readonly isBad?: boolean;
}

function Number({ name, value, note, isBad = false }: NumberProps): JSX.Element {
  return (
    <div class="number">
      <dt>{name}</dt>
      <dd class={isBad ? "value bad-text" : "value"}>{value ?? "–"}</dd>
      <dd class="note">{note}</dd>
    </div>
  );
}

function Notices({
  snapshot,
  connection,
}: {
  readonly snapshot: Snapshot;
  readonly connection: string;
}): JSX.Element | null {
  const uncovered = snapshot.queues?.filter(({ isUncovered }) => isUncovered) ?? [];
  const unreadable = snapshot.queues?.flatMap((queue) => queue.unreadable ?? []) ?? [];
  const hasSkew = (snapshot.workers?.versions ?? 0) > 1;
  if (uncovered.length + unreadable.length === 0 && !hasSkew) return null;
  return (
    <div class="notices">
      {uncovered.length > 0 && (
        <p class="notice warn">
          No worker leases from{" "}
          {uncovered.slice(0, 5).map(({ queue }, at) => (
            <Fragment key={queue}>
              {at > 0 && ", "}
              <a href={linkTo(connection, "queues")}>
                <Data value={queue} />
              </a>
            </Fragment>
          ))}
          {uncovered.length > 5 && ` and ${count(uncovered.length - 5)} more queues`}. Their jobs wait until one does.
        </p>
      )}
      {hasSkew && (
        <p class="notice">
          Workers run {snapshot.workers?.versions} versions of the program:{" "}
          <a href={linkTo(connection, "workers")}>see which</a>.
        </p>
      )}
      {unreadable.slice(0, 3).map((text) => (
        <p class="notice" key={text}>
          <Data value={text} />
        </p>
      ))}
    </div>
  );
}

function Backlog({ snapshot, connection }: { readonly snapshot: Snapshot; readonly connection: string }): JSX.Element {
  const queues = snapshot.queues?.filter(({ queue }) => queue !== "").toSorted((a, b) => b.ready - a.ready) ?? [];
  const most = Math.max(1, ...queues.map(({ ready }) => ready));
  return (
    <Panel title="Backlog by queue" aside={<a href={linkTo(connection, "queues")}>All queues</a>}>
      {queues.length === 0 && <Empty title="No queue has a job">Jobs show here as soon as one is enqueued.</Empty>}
      <ul class="bars">
        {queues.slice(0, 8).map(({ queue, ready, oldestWaitMs }) => (
          <li key={queue}>
            <a href={linkTo(connection, "jobs", { queue })}>
              <Data value={queue} />
            </a>
            <span class="bar" aria-hidden="true">
              <i style={{ width: `${(ready / most) * 100}%` }} />
            </span>
            <span class="num">{count(ready)}</span>
            <span class="num muted">{ready > 0 ? span(oldestWaitMs) : ""}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

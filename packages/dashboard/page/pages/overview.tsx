import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { MinuteView } from "../../src/live/minutes.ts";
import type { Snapshot } from "../../src/live/snapshot.ts";
import type { PageProps } from "../app.tsx";
import { Chart } from "../chart.tsx";
import { count, short, span } from "../format.ts";
import { linkTo } from "../hooks.ts";
import { Button, Data, Empty, Panel, Skeleton } from "../ui.tsx";

const MINUTE_MS = 60_000;

export function OverviewPage({ connection, live: { snapshot } }: PageProps): JSX.Element {
  const [minutes, setMinutes] = useState(60);
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
      <Numbers snapshot={snapshot} />
      <Charts snapshot={snapshot} minutes={minutes} />
      <Backlog snapshot={snapshot} connection={connection.name} />
    </>
  );
}

function Numbers({ snapshot }: { readonly snapshot: Snapshot }): JSX.Element {
  const { queues, workers, minutes, at } = snapshot;
  const sum = (name: "ready" | "delayed" | "leased" | "dead"): number =>
    queues?.reduce((total, queue) => total + queue[name], 0) ?? 0;
  const oldest = queues?.reduce<number | null>(
    (most, { oldestWaitMs }) => (oldestWaitMs === null ? most : Math.max(most ?? 0, oldestWaitMs)),
    null,
  );
  const last = minutes.filter((minute) => minute.at >= at - 5 * MINUTE_MS);
  const ended = last.reduce((total, minute) => total + minute.completed, 0);
  const failed = last.reduce((total, { retried, dead }) => total + retried + dead, 0);
  const rate = ended + failed === 0 ? "–" : `${((failed / (ended + failed)) * 100).toFixed(1)} %`;
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
      <Number
        name="Per minute"
        value={last.length > 0 ? short(ended / Math.max(1, last.length)) : "–"}
        note="completed, last 5 min"
      />
      <Number name="Failure rate" value={rate} note="of attempts, last 5 min" />
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

function Charts({ snapshot, minutes }: { readonly snapshot: Snapshot; readonly minutes: number }): JSX.Element {
  const to = snapshot.at;
  const from = to - minutes * MINUTE_MS;
  const kept = withGaps(snapshot.minutes.filter(({ at }) => at >= from));
  const times = kept.map(({ at }) => at);
  const of = (name: keyof MinuteView): (number | null)[] => kept.map((minute) => minute[name]);
  const failed = kept.map(({ retried, dead }) => retried + dead);
  const common = { times, from, to };
  const latest = kept.at(-1);
  return (
    <div class="charts">
      <Panel title="Throughput" aside={<span class="muted">jobs a minute</span>}>
        <Chart
          {...common}
          unit={short}
          label={`Throughput: ${latest?.completed ?? 0} completed in the last minute`}
          series={[
            { name: "Completed", colour: "--accent", values: of("completed"), isFilled: true },
            { name: "Failed", colour: "--bad", values: failed },
          ]}
        />
      </Panel>
      <Panel title="Backlog" aside={<span class="muted">jobs that wait</span>}>
        <Chart
          {...common}
          unit={short}
          label={`Backlog: ${latest?.backlog ?? "unknown"} jobs wait`}
          series={[{ name: "Waiting", colour: "--accent", values: of("backlog"), isFilled: true }]}
        />
      </Panel>
      <Panel title="Run time" aside={<span class="muted">of one attempt</span>}>
        <Chart
          {...common}
          unit={span}
          label={`Run time: half of the attempts took at most ${span(latest?.p50)}`}
          series={[
            { name: "p50", colour: "--accent", values: of("p50") },
            { name: "p95", colour: "--quiet", values: of("p95") },
          ]}
        />
      </Panel>
    </div>
  );
}

const NOTHING = { completed: 0, retried: 0, dead: 0, p50: null, p95: null, backlog: null, oldestWaitMs: null };

/** Minutes in which nothing was counted are zero, not a line from one neighbour to the other. */
function withGaps(minutes: readonly MinuteView[]): MinuteView[] {
  const filled: MinuteView[] = [];
  for (const minute of minutes) {
    for (let at = (filled.at(-1)?.at ?? minute.at) + MINUTE_MS; at < minute.at; at += MINUTE_MS)
      filled.push({ at, ...NOTHING });
    filled.push(minute);
  }
  return filled;
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
          {uncovered.slice(0, 5).map(({ queue }) => (
            <>
              <a href={linkTo(connection, "queues")}>
                <Data value={queue} />
              </a>{" "}
            </>
          ))}
          {uncovered.length > 5 && `and ${uncovered.length - 5} more. `}– start one for{" "}
          {uncovered.length === 1 ? "it" : "them"}.
        </p>
      )}
      {hasSkew && (
        <p class="notice">
          Workers of {snapshot.workers?.versions} versions run: see <a href={linkTo(connection, "workers")}>workers</a>.
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

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { QueueView } from "../../src/live/snapshot.ts";
import { useActions } from "../actions.tsx";
import type { PageProps } from "../app.tsx";
import { count, span } from "../format.ts";
import { linkTo, useMedia } from "../hooks.ts";
import { Badge, Button, Data, Empty, Skeleton } from "../ui.tsx";
import { VirtualRows } from "../virtual-rows.tsx";

export function QueuesPage({ connection, live: { snapshot } }: PageProps): JSX.Element {
  const { readOnly, act } = useActions();
  if (snapshot === null) return <Skeleton />;
  const { queues, pausedTypes } = snapshot;
  return (
    <div class="fill">
      <header class="head">
        <h1>Queues</h1>
      </header>
      {pausedTypes.map((type) => (
        <p class="notice warn row-notice" key={type}>
          <span>
            Jobs of type <Data value={type} mono /> are paused in every queue.
          </span>
          {!readOnly && (
            <Button small onClick={() => act({ path: "resume", body: { type }, done: `${type} is resumed` })}>
              Resume
            </Button>
          )}
        </p>
      ))}
      {queues === null && <Empty title="This backend cannot count its jobs">Use its own tools for that.</Empty>}
      {queues?.length === 0 && (
        <Empty title="No queue has a job">A queue shows here once a job waits in it, runs or is dead.</Empty>
      )}
      {queues !== null && queues.length > 0 && <QueueTable queues={queues} connection={connection.name} />}
    </div>
  );
}

interface TableProps {
  readonly queues: readonly QueueView[];
  readonly connection: string;
}

/** More are found by name sooner than by eye. */
const EASY_TO_SEE = 12;

function QueueTable({ queues, connection }: TableProps): JSX.Element {
  const isNarrow = useMedia("(max-width: 760px)");
  const [name, setName] = useState("");
  const shown = queues.filter(({ queue }) => queue.includes(name));
  return (
    <>
      {queues.length > EASY_TO_SEE && (
        <div class="filters">
          <input
            type="search"
            aria-label="Name of a queue"
            placeholder={`Name, in ${count(queues.length)} queues`}
            autocomplete="off"
            spellcheck={false}
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </div>
      )}
      {shown.length === 0 && <Empty title="No queue has this in its name" />}
      {shown.length > 0 && (
        <VirtualRows
          kind="queues-grid"
          label="Queues"
          rows={shown}
          rowHeight={isNarrow ? 92 : 48}
          keyOf={({ queue }) => queue}
          head={
            <>
              <span role="columnheader">Queue</span>
              {["Waiting", "Running", "Delayed", "Dead", "Oldest wait"].map((title) => (
                <span role="columnheader" class="num" key={title}>
                  {title}
                </span>
              ))}
              <span role="columnheader">
                <span class="hidden">Actions</span>
              </span>
            </>
          }
          render={(queue) => <QueueLine queue={queue} connection={connection} />}
        />
      )}
    </>
  );
}

function QueueLine({
  queue: one,
  connection,
}: {
  readonly queue: QueueView;
  readonly connection: string;
}): JSX.Element {
  const { readOnly, act } = useActions();
  const { queue, ready, leased, delayed, dead, oldestWaitMs, pausedSince, isUncovered } = one;
  const isPaused = pausedSince !== null;
  const jobs = (state: string): string => linkTo(connection, "jobs", { queue, state });
  const cell = (title: string, value: number, to: string): JSX.Element => (
    <span role="cell" class="num" data-name={title}>
      {value === 0 ? <span class="zero">0</span> : <a href={to}>{count(value)}</a>}
    </span>
  );
  return (
    <>
      <span role="rowheader" class="cell-name">
        <a href={linkTo(connection, "jobs", { queue })}>{queue === "" ? "(none)" : <Data value={queue} />}</a>
        {isPaused && <Badge tone="warn">paused {span(Date.now() - pausedSince)}</Badge>}
        {isUncovered && <Badge tone="bad">no worker</Badge>}
      </span>
      {cell("Waiting", ready, jobs("ready"))}
      {cell("Running", leased, jobs("leased"))}
      {cell("Delayed", delayed, jobs("delayed"))}
      {cell("Dead", dead, linkTo(connection, "dead", { queue }))}
      <span role="cell" class="num" data-name="Oldest wait">
        {ready > 0 ? span(oldestWaitMs) : <span class="zero">–</span>}
      </span>
      <span role="cell" class="cell-actions">
        {!readOnly && queue !== "" && (
          <Button
            small
            label={`${isPaused ? "Resume" : "Pause"} ${queue}`}
            onClick={() =>
              act({
                path: isPaused ? "resume" : "pause",
                body: { queue },
                done: `Queue ${queue} is ${isPaused ? "resumed" : "paused"}`,
              })
            }
          >
            {isPaused ? "Resume" : "Pause"}
          </Button>
        )}
      </span>
    </>
  );
}

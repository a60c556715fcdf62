import type { JSX } from "preact";
import type { QueueView } from "../../src/live/snapshot.ts";
import { useActions } from "../actions.tsx";
import type { PageProps } from "../app.tsx";
import { count, span } from "../format.ts";
import { linkTo } from "../hooks.ts";
import { Badge, Button, Data, Empty, Skeleton } from "../ui.tsx";

export function QueuesPage({ connection, live: { snapshot } }: PageProps): JSX.Element {
  const { readOnly, act } = useActions();
  if (snapshot === null) return <Skeleton />;
  const { queues, pausedTypes } = snapshot;
  return (
    <>
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
      {queues !== null && queues.length > 0 && (
        <div class="panel table-panel">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Queue</th>
                <th scope="col" class="num">
                  Waiting
                </th>
                <th scope="col" class="num">
                  Running
                </th>
                <th scope="col" class="num">
                  Delayed
                </th>
                <th scope="col" class="num">
                  Dead
                </th>
                <th scope="col" class="num">
                  Oldest wait
                </th>
                <th scope="col">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {queues.map((queue) => (
                <QueueLine key={queue.queue} queue={queue} connection={connection.name} />
              ))}
            </tbody>
          </table>
        </div>
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
  const number = (value: number, to: string): JSX.Element =>
    value === 0 ? <span class="zero">0</span> : <a href={to}>{count(value)}</a>;
  return (
    <tr>
      <th scope="row">
        <a href={linkTo(connection, "jobs", { queue })}>{queue === "" ? "(none)" : <Data value={queue} />}</a>{" "}
        {isPaused && <Badge tone="warn">paused {span(Date.now() - pausedSince)}</Badge>}{" "}
        {isUncovered && <Badge tone="bad">no worker</Badge>}
      </th>
      <td class="num" data-name="Waiting">
        {number(ready, jobs("ready"))}
      </td>
      <td class="num" data-name="Running">
        {number(leased, jobs("leased"))}
      </td>
      <td class="num" data-name="Delayed">
        {number(delayed, jobs("delayed"))}
      </td>
      <td class="num" data-name="Dead">
        {number(dead, linkTo(connection, "dead", { queue }))}
      </td>
      <td class="num" data-name="Oldest wait">
        {ready > 0 ? span(oldestWaitMs) : <span class="zero">–</span>}
      </td>
      <td class="actions">
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
      </td>
    </tr>
  );
}

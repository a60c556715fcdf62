import type { JSX } from "preact";
import type { WorkerView } from "../../src/api/views.ts";
import { NotHere, type PageProps } from "../app.tsx";
import { count, span } from "../format.ts";
import { useLoaded } from "../hooks.ts";
import { Ago, Badge, Data, Empty, Skeleton } from "../ui.tsx";

export function WorkersPage({ connection }: PageProps): JSX.Element {
  const { value, error } = useLoaded<readonly WorkerView[]>(`${connection.name}/workers`, {}, 2_000);
  const most = usual(value ?? []);
  const hasSkew = new Set(value?.map(({ version }) => version)).size > 1;
  return (
    <>
      <header class="head">
        <h1>Workers</h1>
      </header>
      {error && <NotHere error={error} what="list of workers" />}
      {!error && value === null && <Skeleton />}
      {hasSkew && (
        <p class="notice warn">
          Workers of several versions run. Most are <Data value={most ?? "without a version"} mono />; the others are
          marked.
        </p>
      )}
      {value?.length === 0 && <Empty title="No worker is running">Start one: waybill worker --jobs ./jobs.js</Empty>}
      {value && value.length > 0 && (
        <div class="panel table-panel">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">Queues</th>
                <th scope="col">Busy</th>
                <th scope="col">Version</th>
                <th scope="col" class="num">
                  Started
                </th>
                <th scope="col" class="num">
                  Heard
                </th>
              </tr>
            </thead>
            <tbody>
              {value.map((worker) => (
                <tr key={worker.id}>
                  <th scope="row">
                    <Data value={worker.host} /> <span class="muted">pid {worker.pid}</span>
                    <div class="muted small-text">
                      <Data value={worker.id} mono />
                      {worker.task !== undefined && (
                        <>
                          {" "}
                          task <Data value={worker.task} mono />
                        </>
                      )}
                    </div>
                  </th>
                  <td data-name="Queues">
                    <Data value={worker.queues.join(", ")} />
                  </td>
                  <td data-name="Busy">
                    <span class="busy">
                      <span class="bar" aria-hidden="true">
                        <i
                          style={{
                            width: `${Math.min(100, (worker.running / Math.max(1, worker.concurrency)) * 100)}%`,
                          }}
                        />
                      </span>
                      <span class="num">
                        {count(worker.running)} of {count(worker.concurrency)}
                      </span>
                    </span>
                  </td>
                  <td data-name="Version">
                    {worker.version === null ? <span class="zero">–</span> : <Data value={worker.version} mono />}{" "}
                    {hasSkew && worker.version !== most && <Badge tone="warn">differs</Badge>}
                  </td>
                  <td data-name="Started" class="num">
                    <Ago at={worker.startedAt} />
                  </td>
                  <td data-name="Heard" class="num">
                    {heard(worker.heardMs)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

const heard = (ms: number): string => (ms < 1_000 ? "just now" : `${span(Math.floor(ms / 1_000) * 1_000)} ago`);

/** Returns the version that most workers have. */
function usual(workers: readonly WorkerView[]): string | null {
  const counts = new Map<string | null, number>();
  for (const { version } of workers) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

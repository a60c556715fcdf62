import type { LimitInUse, LimitsInUse } from "@waybill/core";
import type { JSX } from "preact";
import { NotHere, type PageProps } from "../app.tsx";
import { count, span } from "../format.ts";
import { linkTo, useLoaded } from "../hooks.ts";
import { Badge, Data, Empty, Skeleton } from "../ui.tsx";

export function LimitsPage({ connection }: PageProps): JSX.Element {
  const { value, error } = useLoaded<LimitsInUse>(`${connection.name}/limits`, {}, 2_000);
  return (
    <>
      <header class="head">
        <h1>Limits</h1>
      </header>
      {error && <NotHere error={error} what="limits" />}
      {!error && value === null && <Skeleton />}
      {value?.isCut && (
        <p class="notice">More than 1,000 jobs run or wait under limits: what is below is of the first 1,000.</p>
      )}
      {value?.limits.length === 0 && (
        <Empty title="No limit is in use">
          A key shows here while a job has one of its slots, or waits for one. Limits are declared on a job or a queue.
        </Empty>
      )}
      <div class="groups">
        {value?.limits.map((limit) => (
          <Line key={JSON.stringify([limit.kind, limit.limit, limit.key])} limit={limit} connection={connection.name} />
        ))}
      </div>
    </>
  );
}

const SHOWN_JOBS = 10;

function Line({ limit: one, connection }: { readonly limit: LimitInUse; readonly connection: string }): JSX.Element {
  const { kind, limit, key, most, taken, jobs, waiting, freeInMs } = one;
  const isFull = most !== null && taken >= most;
  return (
    <article class="panel group limit">
      <div class="group-text">
        <h2>
          <Data value={limit ?? "Queue"} /> <Data value={key} mono /> {isFull && <Badge tone="warn">full</Badge>}
          {freeInMs !== null && freeInMs > 0 && <Badge tone="warn">used up</Badge>}
        </h2>
        {jobs.length > 0 && (
          <ul class="holders" aria-label={`Jobs that have slots of ${key}`}>
            {jobs.slice(0, SHOWN_JOBS).map(({ id, worker, since }) => (
              <li key={id}>
                <a href={linkTo(connection, "job", { id })}>
                  <Data value={id} mono />
                </a>{" "}
                <span class="muted">
                  {worker === null ? (
                    "its worker has not reported it yet"
                  ) : (
                    <>
                      on <Data value={worker} />
                    </>
                  )}
                  {since !== null && `, for ${span(Date.now() - since)}`}
                </span>
              </li>
            ))}
            {taken > SHOWN_JOBS && <li class="muted">and {count(taken - SHOWN_JOBS)} more</li>}
          </ul>
        )}
      </div>
      <dl class="slots">
        <div>
          <dt>{kind === "rate" ? "Next start" : "Slots"}</dt>
          <dd class="num">
            {kind === "rate"
              ? freeInMs === 0
                ? "now"
                : `in ${span(freeInMs)}`
              : `${count(taken)} of ${most === null ? "?" : count(most)}`}
          </dd>
        </div>
        <div>
          <dt>Waiting</dt>
          <dd class="num">{waiting === null ? "unknown" : count(waiting)}</dd>
        </div>
      </dl>
    </article>
  );
}

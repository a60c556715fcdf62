import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { JobRow } from "../../src/api/job-view.ts";
import { useActions } from "../actions.tsx";
import { get } from "../api.ts";
import { NotHere, type PageProps } from "../app.tsx";
import { count } from "../format.ts";
import { linkTo, useMedia } from "../hooks.ts";
import { Ago, Button, Data, Empty, Skeleton, State } from "../ui.tsx";
import { VirtualRows } from "../virtual-rows.tsx";
import { ENDED_STATES, Filters } from "./filters.tsx";

interface Page {
  readonly jobs: readonly JobRow[];
  readonly next: string | null;
  /** When what is recorded was written last, in Unix milliseconds; absent where the queue itself was read. */
  readonly asOf?: number | null;
}

interface Pages {
  readonly rows: readonly JobRow[];
  readonly next: string | null;
  readonly asOf: number | null | undefined;
}

export function JobsPage({ connection, query, session }: PageProps): JSX.Element {
  const isEnded = ENDED_STATES.some(([state]) => state === query.get("state"));
  const actions = useActions();
  // Nothing can be done with a job that has ended.
  const readOnly = actions.readOnly || isEnded;
  const isNarrow = useMedia("(max-width: 760px)");
  const filter = Object.fromEntries(query);
  const { pages, error, isLoading, more, reload } = usePages(connection.name, filter);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setChosen(new Set()), [JSON.stringify(filter)]);
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const after = (): void => {
    setChosen(new Set());
    reload();
  };

  return (
    <div class="fill">
      <header class="head">
        <h1>Jobs</h1>
        <Button small onClick={reload}>
          Refresh
        </Button>
      </header>
      <Filters connection={connection.name} page="jobs" query={query} canSearch={!session.redacts} />
      {error && <NotHere error={error} what="list of jobs" />}
      {!error && pages === null && <Skeleton rows={10} />}
      {pages && pages.asOf !== undefined && <Freshness asOf={pages.asOf} />}
      {pages && pages.rows.length === 0 && (
        <Empty title="No job matches">
          {isEnded
            ? "Jobs that have ended are listed from their records, which connections with the option records keep."
            : "What is listed here still waits, runs or is dead. Choose the state Completed for jobs that have ended."}
        </Empty>
      )}
      {pages && pages.rows.length > 0 && (
        <>
          {!readOnly && chosen.size > 0 && <Chosen ids={[...chosen]} onDone={after} />}
          <VirtualRows
            kind={readOnly ? "jobs-grid" : "jobs-grid choosing"}
            label="Jobs"
            rows={pages.rows}
            rowHeight={isNarrow ? 72 : 44}
            keyOf={({ id }) => id}
            onEnd={more}
            head={
              <>
                {!readOnly && (
                  <span role="columnheader" class="choose">
                    <input
                      type="checkbox"
                      aria-label="Choose every job that is loaded"
                      checked={chosen.size > 0}
                      onChange={() => setChosen(new Set(chosen.size > 0 ? [] : pages.rows.map(({ id }) => id)))}
                    />
                  </span>
                )}
                <span role="columnheader">Type</span>
                <span role="columnheader">State</span>
                <span role="columnheader">Queue</span>
                <span role="columnheader">Payload</span>
                <span role="columnheader" class="num">
                  Attempt
                </span>
                <span role="columnheader" class="num">
                  Enqueued
                </span>
              </>
            }
            render={(row) => (
              <Row
                row={row}
                connection={connection.name}
                isChosen={chosen.has(row.id)}
                toggle={readOnly ? null : toggle}
              />
            )}
          />
          <p class="grid-foot">
            {count(pages.rows.length)} loaded
            {pages.next === null ? "" : isLoading ? ", reading more…" : ", scroll for more"}
          </p>
        </>
      )}
    </div>
  );
}

/** Lists of records are behind by a moment. */
function Freshness({ asOf }: { readonly asOf: number | null }): JSX.Element {
  return (
    <p class="muted lead">
      {asOf === null ? (
        "Nothing is recorded yet."
      ) : (
        <>
          From records, the newest written <Ago at={asOf} />. Later changes are not listed yet.
        </>
      )}
    </p>
  );
}

interface RowProps {
  readonly row: JobRow;
  readonly connection: string;
  readonly isChosen: boolean;
  readonly toggle: ((id: string) => void) | null;
}

function Row({ row, connection, isChosen, toggle }: RowProps): JSX.Element {
  const { id, type, state, queue, preview, attempt, enqueuedAt, tenant } = row;
  return (
    <>
      {toggle && (
        <span role="cell" class="choose">
          <input type="checkbox" aria-label={`Choose ${type} ${id}`} checked={isChosen} onChange={() => toggle(id)} />
        </span>
      )}
      <span role="cell" class="cell-type">
        <a href={linkTo(connection, "job", { id })} title={id}>
          <Data value={type} />
        </a>
      </span>
      <span role="cell" class="cell-state">
        <State of={state} />
      </span>
      <span role="cell" class="cell-queue">
        <Data value={queue} />
        {tenant !== null && (
          <span class="muted">
            {" "}
            · <Data value={tenant} />
          </span>
        )}
      </span>
      <span role="cell" class="cell-preview">
        <Data value={preview} mono />
      </span>
      <span role="cell" class="num cell-attempt">
        {attempt}
      </span>
      <span role="cell" class="num cell-at">
        <Ago at={enqueuedAt} />
      </span>
    </>
  );
}

function Chosen({ ids, onDone }: { readonly ids: readonly string[]; readonly onDone: () => void }): JSX.Element {
  const { act } = useActions();
  const jobs = ids.length === 1 ? "1 job" : `${count(ids.length)} jobs`;
  return (
    <div class="chosen" role="region" aria-label="Chosen jobs">
      <span>{jobs} chosen</span>
      <Button
        small
        onClick={() =>
          act({
            path: "jobs/run-now",
            body: {},
            ids,
            done: (result) => `${count(Number(result["rescheduled"]))} made ready`,
            onDone,
          })
        }
      >
        Run now
      </Button>
      <Button
        small
        tone="danger"
        onClick={() =>
          act({
            path: "jobs/cancel",
            body: {},
            ids,
            ask: {
              title: `Cancel ${jobs}?`,
              text: "Those that wait are removed. Those that run are aborted within seconds. This cannot be undone.",
              yes: "Cancel them",
              isDangerous: true,
            },
            done: (result) =>
              `${count(Number(result["cancelled"]))} cancelled, ${count(Number(result["aborting"]))} being aborted`,
            onDone,
          })
        }
      >
        Cancel
      </Button>
    </div>
  );
}

/** Reads pages by key, one after the other as the end of the table comes into view. */
function usePages(connection: string, filter: Readonly<Record<string, string>>) {
  const [pages, setPages] = useState<Pages | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isLoading, setLoading] = useState(false);
  const [turn, setTurn] = useState(0);
  const busy = useRef(false);
  const round = useRef(0);
  const key = JSON.stringify(filter);

  const read = useCallback(
    async (after: string | null, before: readonly JobRow[]): Promise<void> => {
      const own = round.current;
      busy.current = true;
      setLoading(true);
      try {
        const page = await get<Page>(`${connection}/jobs`, {
          ...(JSON.parse(key) as Record<string, string>),
          after: after ?? undefined,
          limit: 200,
        });
        if (own !== round.current) return;
        setPages({ rows: [...before, ...page.jobs], next: page.next, asOf: page.asOf });
        setError(null);
      } catch (thrown) {
        if (own === round.current) setError(thrown as Error);
      }
      if (own === round.current) {
        busy.current = false;
        setLoading(false);
      }
    },
    [connection, key],
  );
  useEffect(() => {
    round.current += 1;
    setError(null);
    void read(null, []);
  }, [read, turn]);
  const more = useCallback(() => {
    if (!busy.current && pages?.next) void read(pages.next, pages.rows);
  }, [pages, read]);
  return { pages, error, isLoading, more, reload: () => setTurn((last) => last + 1) };
}

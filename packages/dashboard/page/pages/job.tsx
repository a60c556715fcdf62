import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { JobRecord } from "@waybill/core";
import type { BodyView, JobRow } from "../../src/api/job-view.ts";
import { NotHere, type PageProps } from "../app.tsx";
import { linkTo, useLoaded } from "../hooks.ts";
import { Ago, Data, Empty, Facts, Panel, Skeleton, State } from "../ui.tsx";
import { JobActions } from "./job-actions.tsx";
import { Reason } from "./reason.tsx";
import { Recorded } from "./recorded.tsx";
import { Timeline } from "./timeline.tsx";

interface Detail {
  readonly job: (JobRow & BodyView) | null;
  readonly record: JobRecord | null;
  readonly why: { readonly code: string; readonly text: string; readonly remedy: string } | null;
}

export function JobPage({ connection, query }: PageProps): JSX.Element {
  const id = query.get("id") ?? "";
  const { value, error, reload } = useLoaded<Detail>(`${connection.name}/job`, { id }, 3_000);
  const [last, setLast] = useState<Detail | null>(null);
  const isThere = value !== null && (value.job !== null || value.record !== null);
  if (isThere && value !== last) setLast(value);
  const shown = isThere ? value : last;
  const isGone = value !== null && !isThere;
  return (
    <>
      <p class="crumbs">
        <a href={linkTo(connection.name, "jobs")}>Jobs</a> <span aria-hidden="true">/</span> <Data value={id} mono />
      </p>
      {error && <NotHere error={error} what="such job" />}
      {isGone && shown === null && (
        <Empty title={UNKNOWN[value.why?.code ?? "NEVER_SEEN"] ?? "What can be known of this job"}>
          <Data
            value={
              value.why === null
                ? "There is no job of this id in its queue: it has completed, it was cancelled, or it never was."
                : `${value.why.text} ${value.why.remedy}`
            }
          />
        </Empty>
      )}
      {isGone && shown && (
        <p class="notice">
          The job has left its queue: it has completed, or it was cancelled. Below is how it was last seen.
        </p>
      )}
      {value === null && shown === null && error === null && <Skeleton />}
      {shown && <Shown detail={shown} connection={connection.name} isGone={isGone} reload={reload} />}
    </>
  );
}

/** By the code of `why`. A broker that lets no one look into its queues may well have a job that is not listed. */
const UNKNOWN: Readonly<Record<string, string>> = { NEVER_SEEN: "No such job", FINISHED: "This job has finished" };

interface ShownProps {
  readonly detail: Detail;
  readonly connection: string;
  readonly isGone: boolean;
  readonly reload: () => void;
}

function Shown({ detail: { job, record, why }, connection, isGone, reload }: ShownProps): JSX.Element {
  const type = job?.type ?? record?.type ?? "";
  const state = job?.state ?? record?.state ?? "";
  return (
    <>
      <header class="head">
        <h1>
          <Data value={type} /> <State of={isGone && job !== null ? "gone" : state} />
        </h1>
        {job && !isGone && <JobActions job={job} connection={connection} onDone={reload} />}
      </header>
      {why?.text && (
        <p class="notice accent">
          <Data value={why.text} /> {why.remedy && <Data value={why.remedy} />}
        </p>
      )}
      {job && (
        <>
          {job.reason && <Reason reason={job.reason} />}
          <Panel title="Job">
            <Facts
              of={[
                [
                  "Queue",
                  <a href={linkTo(connection, "jobs", { queue: job.queue })}>
                    <Data value={job.queue} />
                  </a>,
                ],
                ["Attempt", job.attempt],
                ["Enqueued", <Ago at={job.enqueuedAt} />],
                [job.state === "leased" ? "Lease ends" : "Due", <Ago at={job.dueAt} />],
                ["Priority", job.priority],
                ["Tenant", job.tenant === null ? "–" : <Data value={job.tenant} />],
              ]}
            />
          </Panel>
          <Panel title="Payload">
            <pre class="code" tabIndex={0} aria-label="Payload">
              <Data value={job.payload} mono />
            </pre>
            {job.isCut && <p class="muted">The rest is not shown.</p>}
          </Panel>
          {job.envelope && (
            <details class="panel">
              <summary>Envelope</summary>
              <pre class="code" tabIndex={0} aria-label="Envelope">
                <Data value={job.envelope} mono />
              </pre>
            </details>
          )}
        </>
      )}
      {job === null && record && <Recorded record={record} connection={connection} />}
      {record && <Timeline record={record} />}
    </>
  );
}

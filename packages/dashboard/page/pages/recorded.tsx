import type { JobRecord } from "@waybill/core";
import type { JSX } from "preact";
import { linkTo } from "../hooks.ts";
import { Ago, Data, Facts, Panel } from "../ui.tsx";

/** What a record says of a job that its queue does not show. */
export function Recorded({
  record,
  connection,
}: {
  readonly record: JobRecord;
  readonly connection: string;
}): JSX.Element {
  const { queue, tenant, code, message, enqueuedAt, endedAt, payload } = record;
  return (
    <>
      <Panel title="As recorded">
        <Facts
          of={[
            [
              "Queue",
              <a href={linkTo(connection, "jobs", { queue })}>
                <Data value={queue} />
              </a>,
            ],
            ["Tenant", tenant === null ? "–" : <Data value={tenant} />],
            ["Enqueued", <Ago at={enqueuedAt} />],
            ["Ended", <Ago at={endedAt} />],
            ["Why", code === null ? "–" : <Data value={[code, message].filter(Boolean).join(": ")} />],
          ]}
        />
      </Panel>
      {payload !== null && (
        <Panel title="Payload">
          <pre class="code" tabIndex={0} aria-label="Payload">
            <Data value={payload} mono />
          </pre>
        </Panel>
      )}
    </>
  );
}

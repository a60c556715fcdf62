import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { BodyView, JobRow } from "../../src/api/job-view.ts";
import { useActions } from "../actions.tsx";
import { linkTo } from "../hooks.ts";
import { Button } from "../ui.tsx";
import { CopyDialog } from "./copy-dialog.tsx";
import { RescheduleDialog } from "./reschedule-dialog.tsx";

interface Props {
  readonly job: JobRow & BodyView;
  readonly connection: string;
  readonly onDone: () => void;
}

/** What can be done with one job in its present state. */
export function JobActions({ job, connection, onDone }: Props): JSX.Element | null {
  const { readOnly, act } = useActions();
  const [open, setOpen] = useState<"copy" | "reschedule" | null>(null);
  if (readOnly) return null;
  const ids = [job.id];
  const isWaiting = job.state === "delayed" || job.state === "ready" || job.state === "waiting";
  // Where a record holds the payload, the rest of a dead job is in its dead letter.
  const canCopy = job.canCopy || (job.state === "dead" && !job.isCut && isJson(job.payload));
  const leave = (): void => void (location.hash = linkTo(connection, "dead"));
  return (
    <div class="buttons">
      {job.state === "delayed" && (
        <Button
          tone="primary"
          onClick={() => act({ path: "jobs/run-now", body: { ids }, done: "The job is ready now", onDone })}
        >
          Run now
        </Button>
      )}
      {job.state === "dead" && (
        <Button
          tone="primary"
          onClick={() =>
            act({ path: "dead/replay", body: { ids }, done: "The job runs again, as a first attempt", onDone })
          }
        >
          Replay
        </Button>
      )}
      {isWaiting && <Button onClick={() => setOpen("reschedule")}>Reschedule</Button>}
      {canCopy && <Button onClick={() => setOpen("copy")}>Enqueue a copy</Button>}
      {job.state === "dead" ? (
        <Button
          tone="danger"
          onClick={() =>
            act({
              path: "dead/drop",
              body: { ids },
              ask: {
                title: "Drop this dead letter?",
                text: "It is deleted. This cannot be undone.",
                yes: "Drop it",
                isDangerous: true,
              },
              done: "Dropped",
              onDone: leave,
            })
          }
        >
          Drop
        </Button>
      ) : (
        <Button
          tone="danger"
          onClick={() =>
            act({
              path: "jobs/cancel",
              body: { ids },
              ask: {
                title: "Cancel this job?",
                text:
                  job.state === "leased"
                    ? "Its worker aborts it within seconds. It is not tried again."
                    : "It is removed and never runs.",
                yes: "Cancel the job",
                isDangerous: true,
              },
              done: job.state === "leased" ? "The worker is asked to abort it" : "Cancelled",
              onDone,
            })
          }
        >
          Cancel
        </Button>
      )}
      {open === "copy" && <CopyDialog job={job} connection={connection} onClose={() => setOpen(null)} />}
      {open === "reschedule" && <RescheduleDialog ids={ids} onClose={() => setOpen(null)} onDone={onDone} />}
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { BodyView } from "../../src/api/job-view.ts";
import { useActions } from "../actions.tsx";
import { linkTo } from "../hooks.ts";
import { Button, Dialog } from "../ui.tsx";

interface Props {
  readonly job: { readonly id: string; readonly queue: string } & BodyView;
  readonly connection: string;
  readonly onClose: () => void;
}

/** A new job with the payload of this one, which can be changed first. */
export function CopyDialog({ job, connection, onClose }: Props): JSX.Element {
  const { act } = useActions();
  const [payload, setPayload] = useState(job.payload);
  const [queue, setQueue] = useState(job.queue);
  const fault = faultOf(payload);
  const enqueue = (): void => {
    onClose();
    act({
      path: "jobs/copy",
      body: { id: job.id, payload, queue },
      done: "A copy is enqueued",
      onDone: ({ id }) => void (location.hash = linkTo(connection, "job", { id: String(id) })),
    });
  };
  return (
    <Dialog title="Enqueue a copy" onClose={onClose}>
      <label class="field">
        Payload
        <textarea
          rows={12}
          spellcheck={false}
          value={payload}
          aria-invalid={fault !== null}
          onInput={({ currentTarget }) => setPayload(currentTarget.value)}
        />
      </label>
      {fault && <p class="bad-text">{fault}</p>}
      <label class="field">
        Queue
        <input value={queue} onInput={({ currentTarget }) => setQueue(currentTarget.value)} />
      </label>
      <div class="dialog-buttons">
        <Button onClick={onClose}>Close</Button>
        <Button tone="primary" disabled={fault !== null || queue === ""} onClick={enqueue}>
          Enqueue
        </Button>
      </div>
    </Dialog>
  );
}

function faultOf(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (thrown) {
    return `This is no JSON: ${(thrown as Error).message}`;
  }
}

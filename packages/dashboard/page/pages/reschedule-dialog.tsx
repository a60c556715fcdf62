import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useActions } from "../actions.tsx";
import { Button, Dialog } from "../ui.tsx";

interface Props {
  readonly ids: readonly string[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function RescheduleDialog({ ids, onClose, onDone }: Props): JSX.Element {
  const { act } = useActions();
  const [text, setText] = useState(() => localText(new Date(Date.now() + 3_600_000)));
  const at = new Date(text);
  const isValid = !Number.isNaN(at.getTime()) && at.getTime() > Date.now();
  const move = (): void => {
    onClose();
    act({ path: "jobs/reschedule", body: { ids, at: at.toISOString() }, done: "Rescheduled", onDone });
  };
  return (
    <Dialog title="Reschedule" onClose={onClose}>
      <label class="field">
        Starts no sooner than
        <input type="datetime-local" value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
      </label>
      <p class="muted">In the time zone of this browser.</p>
      <div class="dialog-buttons">
        <Button onClick={onClose}>Close</Button>
        <Button tone="primary" disabled={!isValid} onClick={move}>
          Reschedule
        </Button>
      </div>
    </Dialog>
  );
}

/** Returns the time as an input of that kind has it: "2026-12-01T08:00". */
function localText(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

import type { DeadReason, ErrorRecord } from "@waybill/core";
import type { JSX } from "preact";
import { Badge, Data, Panel } from "../ui.tsx";

/** Why a job is a dead letter. */
export function Reason({ reason: { code, message, error } }: { readonly reason: DeadReason }): JSX.Element {
  const trace = error === undefined ? "" : traceOf(error);
  return (
    <Panel
      title="Why it died"
      aside={
        <Badge tone="bad">
          <Data value={code} />
        </Badge>
      }
    >
      <p class="reason">
        <Data value={message} />
      </p>
      {trace !== "" && trace !== message && (
        <pre class="code" tabIndex={0} aria-label="Error, stack and causes">
          <Data value={trace} mono />
        </pre>
      )}
    </Panel>
  );
}

/** Returns an error as a console prints it: its title, its frames, and then its causes in the same way. */
function traceOf({ causes, ...error }: ErrorRecord): string {
  const traces = [error, ...causes].map(({ name, code, message, stack }) =>
    [`${name}${code === null ? "" : ` [${code}]`}: ${message}`, ...stack.map((frame) => `    ${frame}`)].join("\n"),
  );
  return traces.join("\ncaused by ");
}

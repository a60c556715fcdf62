import type { DeadReason } from "@waybill/core";
import type { JSX } from "preact";
import { Badge, Data, Panel } from "../ui.tsx";

/** Why a job is a dead letter. */
export function Reason({ reason: { code, message, error } }: { readonly reason: DeadReason }): JSX.Element {
  const stack = (error as { readonly stack?: unknown } | undefined)?.stack;
  return (
    <Panel title="Why it died" aside={<Badge tone="bad">{code}</Badge>}>
      <p class="reason">
        <Data value={message} />
      </p>
      {error && error.message !== message && (
        <p class="reason">
          <Data value={`${error.name}: ${error.message}`} mono />
        </p>
      )}
      {typeof stack === "string" && stack !== "" && (
        <pre class="code" tabIndex={0} aria-label="Stack">
          <Data value={stack} mono />
        </pre>
      )}
    </Panel>
  );
}

import { type Capabilities, judge, type Need } from "./capabilities.ts";
import type { Envelope } from "./envelope/index.ts";

/** Why this envelope asks for what its backend refuses, with the way out; null when all is met. */
export function unmetNeed(envelope: Envelope, has: Capabilities): string | null {
  const { priority = 0, dedupe } = envelope;
  if (priority === 0 && dedupe === undefined) return null;
  const needs: Need[] = [];
  if (priority !== 0) needs.push({ kind: "priority" });
  if (dedupe !== undefined) needs.push({ kind: "dedupe" });
  for (const need of needs) {
    const verdict = judge(need, has);
    if (verdict.kind === "refused")
      return `the envelope asks for ${need.kind}, which is refused here: ${verdict.wayOut}`;
  }
  return null;
}

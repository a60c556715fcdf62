import { wallMs } from "./clock.ts";
import { type Capabilities, judge, type Need } from "./capabilities.ts";
import { type Envelope, parseTimestamp } from "./envelope/index.ts";

/** Why this envelope asks for what its backend refuses, with the way out; null when all is met. */
export function unmetNeed(envelope: Envelope, has: Capabilities): string | null {
  const { priority = 0, dedupe, scheduled_at: scheduledAt } = envelope;
  if (priority === 0 && dedupe === undefined && scheduledAt === undefined) return null;
  const needs: Need[] = [];
  // A time that has come needs nothing.
  const delayMs = scheduledAt === undefined ? 0 : parseTimestamp(scheduledAt) - wallMs();
  if (delayMs > 0) needs.push({ kind: "delay", delayMs });
  if (priority !== 0) needs.push({ kind: "priority" });
  if (dedupe !== undefined) needs.push({ kind: "dedupe" });
  for (const need of needs) {
    const verdict = judge(need, has);
    if (verdict.kind === "refused")
      return `the envelope asks for ${need.kind}, which is refused here: ${verdict.wayOut}`;
  }
  return null;
}

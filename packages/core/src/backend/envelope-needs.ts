import { wallMs } from "../time/clock.ts";
import type { Capabilities } from "./capabilities.ts";
import { judge, type Need } from "./needs.ts";
import { type Envelope, parseTimestamp } from "../envelope/index.ts";

/** Returns why the backend refuses what the envelope asks for, and what to do; null when it refuses nothing. */
export function unmetNeed(envelope: Envelope, has: Capabilities): string | null {
  const { priority = 0, dedupe, scheduled_at: scheduledAt } = envelope;
  if (priority === 0 && dedupe === undefined && scheduledAt === undefined) return null;
  const needs: Need[] = [];
  // A time in the past needs no delay.
  const delayMs = scheduledAt === undefined ? 0 : parseTimestamp(scheduledAt) - wallMs();
  if (delayMs > 0) needs.push({ kind: "delay", delayMs });
  if (priority !== 0) needs.push({ kind: "priority" });
  if (dedupe !== undefined) needs.push({ kind: "dedupe" });
  for (const need of needs) {
    const verdict = judge(need, has);
    if (verdict.kind === "refused")
      return `the envelope asks for ${need.kind}, which is refused here: ${verdict.remedy}`;
  }
  return null;
}

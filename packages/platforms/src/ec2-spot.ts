import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { openMetadata } from "./instance-metadata.ts";
import type { TerminationSource } from "./source.ts";
import { watchItems } from "./watched-metadata.ts";

/** Options of `ec2Spot`. */
export interface Ec2SpotOptions {
  /**
   * Whether to stop at a rebalance recommendation, which may come earlier than the notice, and for an instance that goes on for
   * long. Default false.
   */
  readonly rebalance?: boolean | undefined;
  /** URL of the instance metadata service. Default: AWS_EC2_METADATA_SERVICE_ENDPOINT, else "http://169.254.169.254". */
  readonly metadata?: string | undefined;
}

const OPTIONS: OptionNames<Ec2SpotOptions> = { rebalance: true, metadata: true };
const NOTICE_MS = 120_000;
/** For the system, once the program has ended. */
const RESERVE_MS = 10_000;

/**
 * Watches for the interruption notice of a Spot instance, two minutes before its end. Stops the program, and forces its end
 * before the time is over. Makes no call on AWS but on the instance's own metadata service. Throws `CONFIG_INVALID` for options that
 * cannot work.
 */
export function ec2Spot(options: Ec2SpotOptions = {}): TerminationSource {
  assertKnownOptions(options, OPTIONS, "the options of ec2Spot");
  const metadata = openMetadata(options.metadata);
  return {
    name: "ec2Spot",
    async watch(host) {
      if (metadata === null) {
        host.log("AWS_EC2_METADATA_DISABLED is true, so no Spot notice is seen");
        return async () => {};
      }
      let stopping: Promise<unknown> | null = null;
      const notice = (reason: string, endMs: number | null): boolean => {
        if (endMs === null) return true;
        const limitMs = Math.max(leftUntil(endMs) - RESERVE_MS, 0);
        stopping = host.terminate({ reason, limitMs });
        return false;
      };
      const interruption = {
        path: "spot/instance-action",
        onText: (text: string | null) => notice("EC2_SPOT", momentOf(text, "time")),
      };
      const recommendation = {
        path: "events/recommendations/rebalance",
        // The recommendation names no end.
        onText: (text: string | null) =>
          notice("EC2_REBALANCE", momentOf(text, "noticeTime") === null ? null : Date.now() + NOTICE_MS),
      };
      const items = options.rebalance === true ? [interruption, recommendation] : [interruption];
      const ended = await watchItems(metadata, items, host);
      return async () => {
        await ended();
        await stopping;
      };
    },
  };
}

/**
 * Returns the time of `{"action":"terminate","time":"2026-12-01T08:22:00Z"}` or `{"noticeTime":"…"}` in Unix milliseconds; null
 * for no notice and for any other text.
 */
function momentOf(text: string | null, member: "time" | "noticeTime"): number | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    if (member === "time" && !ACTIONS.has(String(Reflect.get(value, "action")))) return null;
    const at = Date.parse(String(Reflect.get(value, member)));
    return Number.isNaN(at) ? null : at;
  } catch {
    return null;
  }
}

const ACTIONS: ReadonlySet<string> = new Set(["terminate", "stop", "hibernate"]);

/** Milliseconds until then; the two minutes of a fresh notice where the clock of the instance must be wrong. */
function leftUntil(endMs: number): number {
  const left = endMs - Date.now();
  return left > 0 && left <= NOTICE_MS ? left : NOTICE_MS;
}

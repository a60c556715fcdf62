import { WaybillError } from "../../errors.ts";
import { assertQueue, assertType } from "../../job/define-job.ts";
import { assertGuardOptions, assertKnownOptions, describeValue } from "../../known-options.ts";
import { wallMs } from "../../time/clock.ts";
import type { Control } from "./control-api.ts";
import type { ControlSettings } from "./control-settings.ts";
import { pauseKey, type PauseTarget, pauseValue, readPauses } from "./control-records.ts";
import { invalid, ledgerFor } from "./refusals.ts";

export function createPauses({ seam, changed }: ControlSettings): Pick<Control, "pause" | "resume" | "pauses"> {
  async function write(target: PauseTarget, value: string | null, call: string): Promise<void> {
    await ledgerFor(seam, call).commit([{ key: pauseKey(target), ifVersion: "any", value }]);
    changed();
  }

  return {
    async pause(target) {
      assertTarget(target, "pause");
      if ("type" in target && seam.backend.capabilities.countsDeliveries === true) {
        throw new WaybillError(
          "CAPABILITY_MISSING",
          `${seam.backend.address} counts a release as an attempt, so a pause of a type would use up the attempts of its jobs; pause a queue, and give the type a queue of its own`,
        );
      }
      await write(target, pauseValue(target, wallMs()), "pause");
    },
    async resume(target) {
      assertTarget(target, "resume");
      await write(target, null, "resume");
    },
    async pauses() {
      const pauses = await readPauses(ledgerFor(seam, "pauses"));
      return pauses.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
    },
  };
}

const nameOf = (target: PauseTarget): string => ("queue" in target ? `queue ${target.queue}` : `type ${target.type}`);

/** Throws `CONFIG_INVALID` unless the target names one queue or one type. */
function assertTarget(target: PauseTarget, call: string): void {
  const given: { readonly queue?: string; readonly type?: string } = target;
  const write = 'pass one queue or one type, as in { queue: "mailers" } or { type: "mail.send" }';
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw invalid(`${call} got ${describeValue(given)}: ${write}`);
  assertKnownOptions(given, { queue: true, type: true }, `the members of what ${call} takes`);
  assertGuardOptions(given, ["queue", "type"], `what ${call} takes`);
  const named = Object.keys(given);
  if (named.length !== 1)
    throw invalid(`${call} got ${named.length === 0 ? "neither" : named.join(" and ")}: ${write}`);
  if ("queue" in target) assertQueue(target.queue, `the queue of ${call}`);
  else assertType(target.type, `the type of ${call}`);
}

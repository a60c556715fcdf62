import { type Duration, type KeyRing, WaybillError } from "@waybill/core";
import { describeValue } from "@waybill/core/backend";
import type { Carrier } from "../push/carrier.ts";
import { native } from "./native.ts";

/** Which senders are accepted. Give at least one of the two. */
export interface Senders {
  /**
   * Secrets of our own senders: a key ring, `whsec_…`, or "unsigned". A Standard Webhooks library signs with
   * `requestSecret(secret)`.
   */
  readonly keys?: KeyRing | string | readonly string[] | undefined;
  /** Other carriers: `sqsd(…)`, `cloudTasks(…)`, `qstash(…)`, `pubsub(…)`. */
  readonly carriers?: readonly Carrier[] | undefined;
}

/**
 * Returns the carriers of these options. Our own senders come last, because unsigned requests have no headers of their own
 * and every carrier's request would match them. Throws `CONFIG_INVALID`.
 */
export function configuredCarriers(
  options: Senders & { readonly tolerance?: Duration | undefined },
): readonly Carrier[] {
  const { keys, carriers = [], tolerance } = options;
  if (!Array.isArray(carriers)) {
    throw configError(`carriers is ${describeValue(carriers)}: pass a list, such as [sqsd({ keys })]`);
  }
  for (const [at, carrier] of carriers.entries()) {
    if (typeof carrier?.recognises === "function") continue;
    throw configError(
      `carriers[${at}] is ${describeValue(carrier)}: pass what sqsd(…), qstash(…) or another carrier returned`,
    );
  }
  if (keys === undefined) {
    if (tolerance === undefined) return carriers;
    throw configError("tolerance applies to requests signed with `keys`: give those, or native({ keys, tolerance })");
  }
  return [...carriers, native({ keys, ...(tolerance !== undefined && { tolerance }) })];
}

function configError(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

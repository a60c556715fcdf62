import type { Buffer } from "node:buffer";
import { type Duration, describeError, type EventBus, WaybillError } from "@waybill/core";
import { isInstance } from "@waybill/core/door";
import { BodyReader } from "./body-reader.ts";
import type { Carrier, Parcel } from "./carrier.ts";
import { peerRule } from "./peers.ts";
import { positiveMs } from "./positive-ms.ts";
import { forbidden, type ProblemCode, PushRefused, refusal, tellRefused } from "./problem.ts";
import type { PushAnswer, Push } from "./push.ts";
import { ReplayWindow } from "./replay.ts";
import { isFinal } from "./respond.ts";
import { sendable } from "./sendable.ts";
import { unprovenRule } from "./unproven.ts";

/** What receiver, relay and ingress share: where they are and whom they let in. */
export interface DoorOptions {
  /** Where requests come in, from the root of the server: a prefix that a framework takes off counts. */
  readonly path?: string;
  /** Largest body read, in bytes, wrapping included. Default 2,097,152; the envelope's own limit is 1,048,576. */
  readonly maxBodyBytes?: number;
  /** A body that has not come whole by then is given up: 408. Default "10s". */
  readonly bodyTimeout?: Duration;
  /** Only these peers, as well as a signature: "unix", addresses, ranges. Absent: any. */
  readonly allowPeers?: readonly string[];
  /**
   * Names by which unsigned requests may call this server, as their `Host` says: "app.internal". Addresses and localhost
   * always may. For what is signed it is not looked at.
   */
  readonly allowHosts?: readonly string[];
  /** A request that `keys` sign is fresh for this long before and after its timestamp. Default "5m". */
  readonly tolerance?: Duration;
}

/** What is behind a door: it has the last word on a job whose sender has proved who they are. */
export interface Inside {
  /** Asked before the body is read: why no job is taken on now, whichever it is. Null: bring it. */
  turnsAway(push: Push, carrier: Carrier): PushRefused | null;
  /** Rejects `PushRefused` for what was not taken on. */
  deliver(parcel: Parcel, carrier: Carrier, push: Push): Promise<PushAnswer>;
}

/** What answers requests that are for it. */
export interface Door {
  /** Whether this request is for us: everybody else's passes on. */
  claims(push: Pick<Push, "method" | "path" | "headers">): boolean;
  /** From a request to its answer. Never rejects. */
  receive(push: Push): Promise<PushAnswer>;
}

/** Told to the sender alone: no job is in them, or any number may come while the last one ends and the report is written. */
const UNTOLD: ReadonlySet<ProblemCode> = new Set(["DRAINING", "NOT_FOUND", "METHOD_NOT_ALLOWED"]);

/**
 * Before a job is looked at: its path, its peer, its bytes, its proof. Everything about who sent it is refused with one
 * 403; why is told to `events` alone.
 */
export function createDoor(
  options: DoorOptions & { readonly path: string; readonly carriers: readonly Carrier[]; readonly events: EventBus },
  inside: Inside,
): Door {
  const { path, carriers, events, maxBodyBytes = 2_097_152 } = options;
  const bodyTimeoutMs = positiveMs(options.bodyTimeout ?? "10s", "bodyTimeout");
  if (carriers.length === 0) throw refuse("nobody may push here: give `keys` or `carriers`");
  if (!/^\/[^?#\s]*$/.test(path)) throw refuse(`path is "${path}": begin it with a slash, and leave out ? and #`);
  if (!Number.isFinite(maxBodyBytes) || maxBodyBytes <= 0) {
    throw refuse(`maxBodyBytes is ${maxBodyBytes}: a number above 0`);
  }
  const needy = carriers.find(({ needsPeers }) => needsPeers !== undefined);
  if (needy?.needsPeers !== undefined && options.allowPeers === undefined) throw refuse(needy.needsPeers);
  const isAllowed = peerRule(options.allowPeers);
  const judgeUnproven = unprovenRule({
    allowHosts: options.allowHosts,
    isAllowed: options.allowPeers === undefined ? null : isAllowed,
  });
  const seen = new ReplayWindow(Date.now);
  const bodies = new BodyReader(maxBodyBytes, bodyTimeoutMs);

  const isHere = ({ path: at }: Pick<Push, "path">, { paths }: Carrier): boolean => at === path || paths.includes(at);
  const carrierOf = (push: Pick<Push, "method" | "path" | "headers">): Carrier | undefined =>
    carriers.find((carrier) => carrier.recognises(push, isHere(push, carrier)));

  const wrongPath = (push: Push): PushRefused =>
    forbidden(`it came to ${JSON.stringify(push.path)}, this door is at "${path}"`);

  async function admit(push: Push, carrier: Carrier | undefined): Promise<PushAnswer> {
    if (push.method !== "POST" && push.path === path) throw notPosted(push);
    if (carrier === undefined) {
      if (push.path === path) throw forbidden("no carrier that is let in has these headers");
      // It would be a carrier's here.
      if (carriers.some((one) => one.recognises(push, true))) throw wrongPath(push);
      throw new PushRefused(404, "NOT_FOUND", `nothing is at ${push.path}`);
    }
    if (!isHere(push, carrier)) throw wrongPath(push);
    if (!isAllowed(push.peer)) throw forbidden(`the peer ${push.peer ?? "of no known address"} is not in allowPeers`);
    if (push.method !== "POST") throw notPosted(push);
    if (carrier.provesNothing?.(push)) judgeUnproven(push.headers);
    const busy = inside.turnsAway(push, carrier);
    if (busy !== null) throw busy;
    const parcel = await bodies.read(push, (body) => open(carrier, push, body));
    if (parcel === null) return { status: 200, headers: {}, body: "" };
    if (push.rewritten === true && parcel.provenId === null) throw new PushRefused(500, "BODY_GONE", REWRITTEN);
    const { once } = parcel;
    const earlier = once === null ? undefined : seen.find(once);
    if (earlier === null) throw forbidden("this very request came before, and its job has ended");
    if (earlier !== undefined) return earlier;
    const answer = await inside.deliver(parcel, carrier, push);
    // One of which nothing came may come again: a timestamp counts seconds, and a job may be back within one.
    if (once !== null && isFinal(answer)) seen.remember(once, answer);
    return answer;
  }

  function refused(thrown: unknown, push: Push): PushAnswer {
    const known = isInstance(thrown, PushRefused) ? thrown : new PushRefused(500, "INTERNAL", describeError(thrown));
    if (!UNTOLD.has(known.code)) tellRefused(events, push, known);
    return refusal(known);
  }

  return {
    claims: (push) => push.method === "POST" && ((push.path === path && path !== "/") || carrierOf(push) !== undefined),
    async receive(push) {
      try {
        const carrier = carrierOf(push);
        const answer = await admit(push, carrier).catch((thrown: unknown) => refused(thrown, push));
        return carrier?.reply === undefined ? answer : sendable(carrier.reply(answer) ?? answer);
      } catch (thrown) {
        // A carrier that is not ours has a bug.
        return refused(thrown, push);
      }
    },
  };
}

function notPosted({ method }: Push): PushRefused {
  return new PushRefused(405, "METHOD_NOT_ALLOWED", `the method is ${method}`);
}

const REWRITTEN =
  "a parser before this door read the body and kept no bytes of it; mount the door first, or parse with `verify: keepRawBody`";

async function open(carrier: Carrier, push: Push, body: () => Promise<Buffer>): Promise<Parcel | null> {
  const admitted = carrier.admits?.(push);
  if (admitted !== undefined) await admitted;
  const bytes = await body();
  try {
    return await carrier.open(push, bytes);
  } catch (thrown) {
    const isForged = isInstance(thrown, PushRefused) && thrown.code === "FORBIDDEN";
    throw isForged && push.rewritten === true ? forbidden(`${thrown.message}; ${REWRITTEN}`) : thrown;
  }
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}

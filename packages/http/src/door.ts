import { type EventBus, WaybillError } from "@waybill/core";
import type { Carrier, Parcel } from "./carrier.ts";
import { peerRule } from "./peers.ts";
import { forbidden, PushRefused, refusal } from "./problem.ts";
import type { Answer, Push } from "./push.ts";
import { ReplayWindow } from "./replay.ts";
import { comeBack } from "./respond.ts";

/** What receiver, relay and ingress share: where they are and whom they let in. */
export interface DoorOptions {
  /** Where requests come in, from the root of the server: a prefix that a framework takes off counts. */
  readonly path?: string;
  /** Largest body read, in bytes, wrapping included. Default 2,097,152; the envelope's own limit is 1,048,576. */
  readonly maxBodyBytes?: number;
  /** A body that has not come whole by then is given up. Default 10,000 ms. */
  readonly bodyTimeoutMs?: number;
  /** Only these peers, as well as a signature: "unix", addresses, ranges. Absent: any. */
  readonly allowPeers?: readonly string[];
  /** A request is fresh for this long before and after its timestamp. Default 300,000 ms. */
  readonly toleranceMs?: number;
}

/** What is done with a parcel whose sender has proved who they are. Rejects `PushRefused` for what was not taken on. */
export type Deliver = (parcel: Parcel, carrier: Carrier, push: Push) => Promise<Answer>;

export interface Door {
  /** Whether this request is for us: everybody else's passes on. */
  claims(push: Pick<Push, "method" | "path" | "headers">): boolean;
  /** From a request to its answer. Never rejects. */
  receive(push: Push): Promise<Answer>;
  /** True: new requests are told to come back. */
  closed: boolean;
}

/** Bodies being read and proved at once; more are told to come back, so that slow senders cannot fill the memory. */
const MOST_READING = 256;
export const COME_BACK_MS = 1_000;
/** Whoever has the keys is rarely back within a second. */
const KEYS_BACK_MS = 5_000;

/**
 * Before a job is looked at: its path, its peer, its bytes, its proof. Everything about who sent it is refused with one
 * 403; why is told to `events` alone.
 */
export function createDoor(
  options: DoorOptions & { readonly path: string; readonly carriers: readonly Carrier[]; readonly events: EventBus },
  deliver: Deliver,
): Door {
  const { path, carriers, events, maxBodyBytes = 2_097_152, bodyTimeoutMs = 10_000 } = options;
  if (carriers.length === 0)
    throw new WaybillError("CONFIG_INVALID", "nobody may push here: give `keys` or `carriers`");
  if (!path.startsWith("/")) throw new WaybillError("CONFIG_INVALID", `path is "${path}": begin it with a slash`);
  const isAllowed = peerRule(options.allowPeers);
  const seen = new ReplayWindow((options.toleranceMs ?? 300_000) * 2, Date.now);
  let reading = 0;

  const isHere = ({ path: at }: Pick<Push, "path">, { paths }: Carrier): boolean => at === path || paths.includes(at);
  const carrierOf = (push: Pick<Push, "method" | "path" | "headers">): Carrier | undefined =>
    carriers.find((carrier) => carrier.recognises(push, isHere(push, carrier)));

  async function admit(push: Push, carrier: Carrier | undefined): Promise<Answer> {
    if (carrier === undefined) throw forbidden("no carrier that is let in has these headers");
    if (!isHere(push, carrier)) {
      throw forbidden(`the path is "${push.path}", this receiver is at "${path}"`);
    }
    if (!isAllowed(push.peer)) throw forbidden(`the peer ${push.peer ?? "of no known address"} is not in allowPeers`);
    if (push.method !== "POST") throw new PushRefused(405, "METHOD_NOT_ALLOWED", `the method is ${push.method}`);
    if (door.closed && carrier.line === 0) throw new PushRefused(503, "DRAINING", "shutting down");
    if (reading >= MOST_READING) throw new PushRefused(429, "FULL", `${reading} bodies are being read`);
    reading += 1;
    const parcel = await push
      .read(maxBodyBytes, bodyTimeoutMs)
      .then((body) => carrier.open(push, body))
      .finally(() => (reading -= 1));
    if (parcel === null) return { status: 200, headers: {}, body: "" };
    if (parcel.once !== null && !seen.remember(parcel.once)) throw forbidden("this very request came before");
    return deliver(parcel, carrier, push).catch((thrown: unknown) => {
      // Nothing came of it, so the same request may come again.
      if (parcel.once !== null) seen.forget(parcel.once);
      throw thrown;
    });
  }

  function refused(thrown: unknown, push: Push): Answer {
    const known = thrown instanceof PushRefused ? thrown : new PushRefused(500, "INTERNAL", String(thrown));
    const { status, code, message } = known;
    if (events.has("push_refused"))
      events.emit("push_refused", { status, code, message, peer: push.peer, path: push.path });
    if (code === "FULL") return comeBack(refusal(known), COME_BACK_MS);
    if (code === "KEYS_UNAVAILABLE") return comeBack(refusal(known), KEYS_BACK_MS);
    if (code === "DRAINING") return comeBack(refusal(known, { connection: "close" }), COME_BACK_MS);
    if (status === 408 || status === 413) return refusal(known, { connection: "close" });
    return refusal(known);
  }

  const door: Door = {
    closed: false,
    claims: (push) => push.method === "POST" && ((push.path === path && path !== "/") || carrierOf(push) !== undefined),
    async receive(push) {
      const carrier = carrierOf(push);
      const answer = await admit(push, carrier).catch((thrown: unknown) => refused(thrown, push));
      return carrier?.reply?.(answer) ?? answer;
    },
  };
  return door;
}

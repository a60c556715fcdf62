import { EventBus, type Jobs } from "@waybill/core";
import type { PushRequest, PushResponse } from "@waybill/http/carrier";

/** A connection for endpoints that store, in tests that store nothing. */
export function nowhere(): Jobs {
  const enqueueBody = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
  return { enqueueBody, events: new EventBus() } as Partial<Jobs> as Jobs;
}

/** A request in the plain values that endpoints read, as a socket would bring it. */
export function asked(body: Uint8Array | string, more: Partial<PushRequest> = {}): PushRequest {
  return {
    method: "POST",
    path: "/work",
    headers: {},
    peer: "127.0.0.1",
    read: async () => Buffer.from(body),
    onDisconnect: () => {},
    ...more,
  };
}

/** What a response says to a sender, without the texts for people. */
export function said({ status, headers }: PushResponse): { status: number; headers: Record<string, string> } {
  const ours = Object.entries(headers).filter(([name]) => /^(waybill-|x-waybill-|retry-after$)/.test(name));
  return { status, headers: Object.fromEntries(ours) };
}

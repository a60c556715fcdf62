import { EventBus, type Jobs } from "@waybill/core";
import type { Push, PushAnswer } from "@waybill/http/carrier";

/** What a door that stores may be made with where nothing is stored. */
export function nowhere(): Jobs {
  const enqueueBody = (): Promise<never> => Promise.reject(new Error("nothing is stored here"));
  return { enqueueBody, events: new EventBus() } as Partial<Jobs> as Jobs;
}

/** A request in the plain values that doors read, as a socket would bring it. */
export function asked(body: Uint8Array | string, more: Partial<Push> = {}): Push {
  return {
    method: "POST",
    path: "/work",
    headers: {},
    peer: "127.0.0.1",
    read: async () => Buffer.from(body),
    onGone: () => {},
    ...more,
  };
}

/** What an answer says to a sender, without the words for people. */
export function said({ status, headers }: PushAnswer): { status: number; headers: Record<string, string> } {
  const ours = Object.entries(headers).filter(([name]) => /^(waybill-|x-waybill-|retry-after$)/.test(name));
  return { status, headers: Object.fromEntries(ours) };
}

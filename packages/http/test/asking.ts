import type { Push, PushAnswer } from "@waybill/http/carrier";

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

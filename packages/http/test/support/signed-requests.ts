import { createServer } from "node:http";
import { keyRing, type LogLine, newSecret } from "@waybill/core";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished, vi } from "vitest";
import type { Carrier } from "../../src/exports/carrier.ts";
import { createReceiver, native, type Receiver, type ReceiverOptions } from "../../src/index.ts";
import { type NodeEndpoint, nodeListener } from "../../src/node/index.ts";
import { idIn } from "./daemon-request.ts";
import { listening } from "./sending-worker.ts";

export const secret: string = newSecret();
export const keys: ReturnType<typeof keyRing> = keyRing(secret);

/** Signs as our own sender does, and forgets a job after the response: its dead letters are for `keepDead`. */
export const forgetful: Carrier = { ...native({ keys }), name: "forgetful", settlesByOutcome: false };

export interface SignedAs {
  readonly id?: string;
  /** Unix seconds; default now. */
  readonly timestamp?: number;
  readonly by?: typeof keys;
  /** Signed instead of the body. */
  readonly over?: string;
  /** As a producer signs, for an ingress; absent: as a sender does. */
  readonly asJob?: true;
}

export const now = (): number => Math.floor(Date.now() / 1_000);

/** What our sender writes, and any library of Standard Webhooks. */
export function signed(
  body: string,
  { id = idIn(body), timestamp = now(), by = keys, over = body, asJob }: SignedAs = {},
) {
  const signature = (asJob ? by : by.requests).sign({ id, timestamp, body: over });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signature };
}

export interface PostedResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of JSON; empty for anything else. */
  readonly json: Readonly<Record<string, unknown>>;
}

export type Posting = Omit<RequestInit, "headers"> & { readonly headers?: Readonly<Record<string, string>> };

export async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  more: Posting = {},
): Promise<PostedResponse> {
  const headers = { "content-type": "application/json", ...more.headers };
  const response = await fetch(url, { method: "POST", body, ...more, headers });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
}

/** The origin of a server with nothing but this endpoint in it. Gone after the test. */
export function serving(endpoint: NodeEndpoint): Promise<string> {
  return listening(createServer(nodeListener(endpoint)));
}

export interface Receiving {
  readonly receiver: Receiver;
  readonly origin: string;
  readonly url: string;
  readonly lines: LogLine[];
  /** Resolves once that many requests have come and wait for their response, their bodies read. */
  underway(count: number): Promise<void>;
  /** A signed request of this body. */
  push(body: string, more?: Posting & { readonly as?: SignedAs }): Promise<PostedResponse>;
}

/** A receiver behind a real socket, with what it logs. */
export async function receiving(options: Partial<ReceiverOptions> & Pick<ReceiverOptions, "jobs">): Promise<Receiving> {
  const lines: LogLine[] = [];
  const receiver = createReceiver({ keys, log: (line) => lines.push(line), ...options });
  onTestFinished(async () => void (await receiver.stop({ drain: 0, abort: 0 })));
  let underway = 0;
  const origin = await serving({
    matches: receiver.matches,
    async receive(push) {
      underway += 1;
      return receiver.receive(push).finally(() => (underway -= 1));
    },
  });
  const url = `${origin}${receiver.path}`;
  return {
    receiver,
    origin,
    url,
    lines,
    async underway(count) {
      await vi.waitUntil(() => underway === count, { timeout: 10_000, interval: 1 });
      await sleep(20);
    },
    push: (body, { as = {}, headers, ...more } = {}) =>
      post(url, body, { ...more, headers: { ...signed(body, as), ...headers } }),
  };
}

/** A promise and the function that resolves it, for a handler that waits for the test. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

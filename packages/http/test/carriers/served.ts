import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, defineJob, DeadLetter, newId, type WaybillEvents, RetryLater, type Signature } from "@waybill/core";
import { createReceiver, createRelay, type DeadPush, type ReceiverOptions } from "../../src/index.ts";
import type { Carrier } from "../../src/exports/carrier.ts";
import { nodeListener } from "../../src/node/index.ts";

/** One HTTP request, as a carrier makes it. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly path?: string;
}

export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Ran {
  readonly id: string;
  readonly attempt: number;
  readonly queue: string;
  readonly signature: Signature | null;
}

/** A real server with an endpoint in it, and the results of the requests. */
export interface Served {
  readonly url: string;
  /** Jobs whose handler was called; in a relay, once a worker has run them. */
  readonly ran: Ran[];
  readonly refused: WaybillEvents["push_refused"][];
  readonly kept: DeadPush[];
  post(sent: Sent): Promise<Got>;
  /** Sends the request without the end of its body. */
  postHalf(sent: Sent): Promise<Got>;
  /** Requests that wait for a slot. */
  waiting(): number;
  /** Lets the waiting handlers continue. */
  release(): void;
  close(): Promise<void>;
}

/** The envelope of a job that does what its payload says. */
export function envelope(what = "succeed", more: Record<string, unknown> = {}): string {
  return JSON.stringify({ spec: "waybill/1", id: newId(), type: "probe", args: [{ what }], ...more });
}

export const idOf = (body: string): string => (JSON.parse(body) as { id: string }).id;

function probe(ran: Ran[], waiting: (() => void)[]) {
  return defineJob({
    type: "probe",
    retry: { maxAttempts: 3 },
    timeout: "5s",
    async handler(payload: unknown, { id, attempt, queue, delivery }) {
      ran.push({ id, attempt, queue, signature: delivery.signature });
      const { what } = payload as { what: string };
      if (what === "fail") throw new Error("it did not work");
      if (what === "discard") throw new DeadLetter("it never will");
      if (what === "later") throw new RetryLater(2_000);
      if (what === "wait") await new Promise<void>((go) => waiting.push(go));
    },
  });
}

/** Runs the jobs that come. `keepDead: null`: the carrier keeps its dead letters. */
export async function serveReceiver(
  carriers: readonly Carrier[],
  { keepDead, ...more }: Pick<ReceiverOptions, "concurrency"> & { readonly keepDead?: null } = {},
): Promise<Served> {
  const ran: Ran[] = [];
  const kept: DeadPush[] = [];
  const refused: WaybillEvents["push_refused"][] = [];
  const waiting: (() => void)[] = [];
  const receiver = createReceiver({
    jobs: [probe(ran, waiting)],
    carriers,
    log: "off",
    ...(keepDead === undefined && { keepDead: async (letter: DeadPush) => void kept.push(letter) }),
    ...more,
  });
  receiver.events.on("push_refused", (event) => void refused.push(event));
  const server = await listen(nodeListener(receiver));
  return {
    ...server,
    ran,
    kept,
    refused,
    waiting: () => receiver.load().waiting,
    release: () => waiting.splice(0).forEach((go) => go()),
    async close() {
      await receiver.stop();
      await server.close();
    },
  };
}

/** Stores the jobs that come in an SQLite file. */
export async function serveRelay(
  carriers: readonly Carrier[],
): Promise<Served & { readonly stored: () => Promise<number>; readonly work: () => Promise<void> }> {
  const ran: Ran[] = [];
  const refused: WaybillEvents["push_refused"][] = [];
  const folder = await mkdtemp(join(tmpdir(), "waybill-relay-"));
  const jobs = await connect(`sqlite:${join(folder, "jobs.db")}`, { log: "off" });
  jobs.events.on("push_refused", (event) => void refused.push(event));
  const server = await listen(nodeListener(createRelay({ to: jobs, carriers, bodyTimeout: 100 })));
  return {
    ...server,
    ran,
    refused,
    kept: [],
    waiting: () => 0,
    release: () => {},
    async stored() {
      const counts = (await jobs.inspector?.counts()) ?? [];
      return counts.reduce((sum, { ready }) => sum + ready, 0);
    },
    async work() {
      const worker = jobs.worker({ jobs: [probe(ran, [])] });
      const settled = new Promise<void>((resolve) => jobs.events.on("settled", () => resolve()));
      await worker.start();
      await settled;
      await worker.stop();
    },
    async close() {
      await server.close();
      await jobs.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function listen(listener: ReturnType<typeof nodeListener>) {
  const server = createServer((incoming, response) => listener(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    post: (sent: Sent) => post(url, sent),
    postHalf: (sent: Sent) => post(url, { ...sent, headers: { ...sent.headers, "content-length": "100000" } }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** By `node:http`, which sends the headers it is given and no others that matter. */
function post(url: string, { headers, body, path = "/work" }: Sent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const sending = request(`${url}${path}`, {
      method: "POST",
      headers: { "content-length": Buffer.byteLength(body), ...headers },
    });
    sending.on("error", reject);
    sending.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        const text = Buffer.concat(chunks).toString();
        const isProblem = response.headers["content-type"] === "application/problem+json";
        const stated = isProblem ? (JSON.parse(text) as { status: number }).status : status;
        // Checked in every test: a carrier may map the status.
        if (stated !== status) return reject(new Error(`the status is ${status}, and its body says ${stated}`));
        resolve({ status, headers: response.headers, body: text });
      });
    });
    sending.end(body);
  });
}

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect, type Jobs, type OutcomeEvent, type WaybillEvents, type WorkerOptions } from "@waybill/core";
import type { Backend } from "@waybill/core/backend";
import { memoryBackend } from "@waybill/core/memory";
import { type SendOverHttpOptions, sendOverHttp } from "@waybill/http";
import { onTestFinished } from "vitest";

/** One request as a server saw it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Script = (response: ServerResponse, asked: Asked) => void;

/** An application that answers as the test says, and records the requests. Closed after the test. */
export async function application(script: Script): Promise<{ to: string; asked: Asked[]; server: Server }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: await text(request) };
    asked.push(one);
    script(response, one);
  });
  return { to: `${await listening(server)}/work`, asked, server };
}

/** Its origin. */
export async function listening(server: Server): Promise<string> {
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface SendingWorker {
  readonly jobs: Jobs;
  readonly settled: OutcomeEvent[];
  readonly unavailable: WaybillEvents["receiver_unavailable"][];
  readonly recovered: unknown[];
  /** Resolves with the settled events once there are as many. */
  until(count: number): Promise<OutcomeEvent[]>;
}

/** A worker that sends what is enqueued, on a backend that ignores every delay: the next delivery comes at once. */
export async function sendingWorker(
  options: Omit<SendOverHttpOptions, "keys"> & Partial<Pick<SendOverHttpOptions, "keys">>,
  worker: Partial<WorkerOptions> = {},
  change: (backend: Backend) => Partial<Backend> = () => ({}),
): Promise<SendingWorker> {
  const open = memoryBackend();
  const jobs = await connect(
    async () => {
      const raw = await open();
      const retry: Backend["retry"] = (lease, request) => raw.retry(lease, { ...request, delayMs: 0 });
      return { ...raw, retry, ...change(raw) };
    },
    { log: "off" },
  );
  onTestFinished(() => jobs.close());
  const { events } = jobs;
  const settled: OutcomeEvent[] = [];
  const unavailable: WaybillEvents["receiver_unavailable"][] = [];
  const recovered: unknown[] = [];
  let look = (): void => {};
  events.on("settled", (event) => {
    settled.push(event);
    look();
  });
  events.on("receiver_unavailable", (event) => unavailable.push(event));
  events.on("receiver_recovered", (event) => recovered.push(event));
  const shutdown = { drain: 0, abort: "1s", close: "1s" } as const;
  const sender = sendOverHttp({ keys: "unsigned", events, ...options });
  await jobs.worker({ jobs: [sender], queues: ["default"], shutdown, ...worker }).start();
  return {
    jobs,
    settled,
    unavailable,
    recovered,
    until: (count) =>
      new Promise((resolve) => {
        look = () => void (settled.length >= count && resolve(settled));
        look();
      }),
  };
}

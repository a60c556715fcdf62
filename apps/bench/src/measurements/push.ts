import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newSecret } from "@waybill/core";
import { waybill } from "@waybill/express";
import { createReceiver } from "@waybill/http";
import express, { type Express } from "express";
import { noopWith } from "../job.ts";
import type { Logs } from "../open.ts";
import { verify } from "../verify.ts";
import type { Load } from "./push-load.ts";

export interface PushInput {
  readonly directory: string;
  /** "bare": a JSON route of Express that does nothing. */
  readonly side: "waybill" | "bare";
  readonly logs: Logs;
  readonly requests: number;
  readonly width: number;
}

/** Requests per second of one Express application, asked by another process over connections that stay open. */
export async function push(input: PushInput): Promise<number> {
  const secret = newSecret();
  let ran = 0;
  const count = (): void => void (ran += 1);
  const application = express();
  const stop = input.side === "bare" ? mountBare(application, count) : mountReceiver(application, count, secret, input);
  const server = createServer(application);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const speed = await loadedBy({ port, secret, requests: input.requests, width: input.width });
  verify("jobs in the report", await stop(), input.requests);
  verify("handlers run", ran, input.requests);
  server.closeAllConnections();
  server.close();
  return speed;
}

/** What a team would write that had no library: parse, do the work, say so. */
function mountBare(application: Express, count: () => void): () => Promise<number> {
  let completed = 0;
  application.post("/work", express.json(), (request, response) => {
    count();
    completed += 1;
    response.json({ outcome: "completed", id: (request.body as { id: string }).id });
  });
  return async () => completed;
}

function mountReceiver(
  application: Express,
  count: () => void,
  keys: string,
  { logs, width }: PushInput,
): () => Promise<number> {
  const jobs = [noopWith(async () => count())];
  const receiver = createReceiver({ jobs, keys, concurrency: width, log: logs === "on" ? "stdout" : "off" });
  application.use("/work", waybill(receiver));
  return async () => (await receiver.stop()).completed;
}

async function loadedBy(load: Load): Promise<number> {
  const other = fork(process.argv[1] ?? "", ["pushLoad", JSON.stringify(load)], {
    execArgv: process.execArgv,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(other, "exit");
  const [{ result }] = (await once(other, "message")) as [{ result: number }];
  const [code] = (await ended) as [number | null];
  verify("exit code of the loading process", code ?? -1, 0);
  return result;
}

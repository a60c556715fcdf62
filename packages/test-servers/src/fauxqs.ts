import { fileURLToPath } from "node:url";
import { answers } from "./answers.ts";
import { makeDataFolder } from "./data-folder.ts";
import { listenOnLoopback } from "./fauxqs-loopback.ts";
import { freePort } from "./free-port.ts";
import { startProcess } from "./server-process.ts";
import type { TestServer } from "./test-server.ts";

export interface FauxqsOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Keep queues and messages in a file, so that they outlive `kill` and `restart`. Absent: true. */
  readonly durable?: boolean;
}

const REGION = "us-east-1";

/** `sqs://REGION/PREFIX?endpoint=URL`, with an empty prefix. Any credentials will do. */
export const fauxqsUrl = (port: number): string => `sqs://${REGION}?endpoint=http://127.0.0.1:${port}`;

/** The SQS emulator as a process of its own: it can be killed, frozen and restarted. */
export async function startFauxqs({ port: wished, durable = true }: FauxqsOptions = {}): Promise<TestServer> {
  const port = wished || (await freePort());
  const folder = makeDataFolder("fauxqs", null);
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const child = fileURLToPath(new URL(`./fauxqs-child.${extension}`, import.meta.url));
  return startProcess({
    name: "fauxqs",
    url: fauxqsUrl(port),
    port,
    folder,
    user: null,
    command: process.execPath,
    args: [child, `${port}`, ...(durable ? [folder] : [])],
    isReady: () => answers(port),
  });
}

/** The SQS emulator inside this process, in memory: quick, and gone with it. */
export async function startFauxqsHere(): Promise<{ url: string; port: number; stop(): Promise<void> }> {
  const server = await listenOnLoopback({ port: 0 });
  return { url: fauxqsUrl(server.port), port: server.port, stop: () => server.stop() };
}

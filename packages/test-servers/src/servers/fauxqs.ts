import { fileURLToPath } from "node:url";
import { responds } from "../process/responds.ts";
import { makeDataFolder } from "../process/data-folder.ts";
import { listenOnLoopback } from "./fauxqs-loopback.ts";
import { freePort } from "../process/free-port.ts";
import { startProcess } from "../process/server-process.ts";
import type { TestServer } from "../process/test-server.ts";

export interface FauxqsOptions {
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Whether queues and messages are kept in a file, through `kill` and `restart`. Default true. */
  readonly durable?: boolean;
  /** Where the folder of its data is made, such as a small disk. Default: the system's temporary folder. */
  readonly parent?: string;
}

const REGION = "us-east-1";

/** Returns `sqs://REGION?endpoint=URL`, without a prefix. The emulator accepts any credentials. */
export const fauxqsUrl = (port: number): string => `sqs://${REGION}?endpoint=http://127.0.0.1:${port}`;

/** Starts the SQS emulator as a process of its own, which can be killed, frozen and restarted. */
export async function startFauxqs({ port: wished, durable = true, parent }: FauxqsOptions = {}): Promise<TestServer> {
  const port = wished || (await freePort());
  const folder = makeDataFolder("fauxqs", null, parent);
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
    isReady: () => responds(port),
  });
}

/** Starts the SQS emulator in this process, in memory. */
export async function startFauxqsHere(): Promise<{ url: string; port: number; stop(): Promise<void> }> {
  const server = await listenOnLoopback({ port: 0 });
  return { url: fauxqsUrl(server.port), port: server.port, stop: () => server.stop() };
}

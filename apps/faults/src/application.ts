/** An application that takes pushed jobs, as a process. Arguments: port, record file, then JSON settings. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duration } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { jobsThatRecord } from "./jobs.ts";

interface Settings {
  readonly keys: string;
  readonly concurrency: number;
  /** How long a nap lasts. */
  readonly ms: number;
  readonly drain: Duration;
  readonly maxLost?: number;
}

const [port = "0", record = "", json = "{}"] = process.argv.slice(2);
const { ms, drain, ...options } = JSON.parse(json) as Settings;
const receiver = createReceiver({ jobs: jobsThatRecord(record, ms), ...options });
const server = createServer(nodeListener(receiver)).listen(Number(port), "127.0.0.1");
await once(server, "listening");
process.stdout.write(`${JSON.stringify({ event: "listening", port: (server.address() as AddressInfo).port })}\n`);
await once(process, "SIGTERM");
await receiver.stop({ drain, abort: "1s", reason: "SIGTERM" });
server.close();
server.closeIdleConnections();
await once(server, "close");
process.exit(0);

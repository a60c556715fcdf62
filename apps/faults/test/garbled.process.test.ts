import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { serviceUrl, type ServiceName } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { targets } from "../src/backends.ts";

const SERVICES: Readonly<Record<string, ServiceName>> = {
  bullmq: "redis",
  postgres: "postgres",
  rabbitmq: "rabbitmq",
  sqs: "sqs",
};
const program = fileURLToPath(new URL("hostile/garbled.ts", import.meta.url));

test.concurrent.for(Object.entries(SERVICES))(
  "on %s, replies that no driver can read end no process, and jobs run again after them",
  async ([name, service]) => {
    const store = `g${randomUUID().slice(0, 8)}`;
    const url = targets.find((target) => target.name === name)?.storeUrl(await serviceUrl(service), store, "") ?? "";
    const args = ["--conditions=waybill-source", program, url, "1", "25"];
    // Rejects with what the process wrote if it ends with another code than 0.
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
    expect((JSON.parse(stdout) as { pieces: number }).pieces).toBeGreaterThan(5);
  },
);

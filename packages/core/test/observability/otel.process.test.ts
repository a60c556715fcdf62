import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { connected } from "../helpers/connected.ts";
import { traced } from "./traced.ts";

const worker = fileURLToPath(new URL("children/traced-worker.ts", import.meta.url));

test("one trace leads from a request of one process, by a transaction and a file, to what a handler does in another", async () => {
  const folder = mkdtempSync(join(tmpdir(), "waybill-traces-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "jobs.db");
  const otel = traced();
  const jobs = await connected(`sqlite:${path}`, { telemetry: otel.telemetry });
  const db = new DatabaseSync(path);
  const request = await otel.within("POST /orders", async () => {
    db.exec("BEGIN IMMEDIATE");
    await jobs.enqueueIn(db, "order.ship", { orderId: "o_1" });
    db.exec("COMMIT");
  });
  db.close();
  const args = ["--conditions=waybill-source", worker, `sqlite:${path}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  const spans = stdout.trimEnd().split("\n");
  const [label, run] = spans.map((line) => JSON.parse(line) as Record<string, unknown>);
  const { traceId } = request.spanContext();
  const send = otel.span("send default").spanContext();
  expect(spans).toHaveLength(2);
  expect(send.traceId).toBe(traceId);
  expect(run).toEqual({ name: "process default", traceId, spanId: expect.any(String), parent: send.spanId });
  expect(label).toEqual({ name: "print label", traceId, spanId: expect.any(String), parent: run?.["spanId"] });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ledgerOf } from "@waybill/core/backend";
import { serviceUrl } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { factoryFor } from "../packages/core/src/connect/schemes.ts";

const name = `kill_${process.pid}`;
const withParameter = (url: string, text: string): string => `${url}${url.includes("?") ? "&" : "?"}${text}`;
const stores: Readonly<Record<string, () => Promise<string>>> = {
  SQLite: async () => `sqlite:${join(mkdtempSync(join(tmpdir(), "waybill-ledger-")), "jobs.db")}`,
  Redis: async () => withParameter(await serviceUrl("redis"), `prefix=${name}`),
  PostgreSQL: async () => withParameter(await serviceUrl("postgres"), `schema=${name}`),
};

const KILLS = 12;
const child = join(import.meta.dirname, "children/commit-pairs.ts");

/** Runs a process that commits, and kills it `afterMs` after its first commit. */
async function killedAfter(url: string, start: number, afterMs: number): Promise<void> {
  const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
  const process = spawn(globalThis.process.execPath, [...flags, child, url, String(start)]);
  const ended = once(process, "exit");
  await Promise.race([once(process.stdout, "data"), ended.then(() => Promise.reject(new Error("it ended by itself")))]);
  await sleep(afterMs);
  process.kill("SIGKILL");
  await ended;
}

test.each(Object.entries(stores))(
  "on %s a commit is made whole or not at all, wherever its process is killed",
  async (_name, urlOf) => {
    const url = await urlOf();
    const report = { rejected() {}, failed() {}, succeeded() {} };
    const backend = await (
      await factoryFor(url, false)
    )({ admit: () => ({ ok: false, reason: { code: "NONE", message: "none" } }), report });
    onTestFinished(() => backend.close());
    const ledger = ledgerOf(backend);
    for (let kill = 0; kill < KILLS; kill++) {
      await killedAfter(url, kill * 1_000_000, (kill * 7) % 40);
      // A commit that was sent may still arrive at a server.
      await sleep(50);
      const records = (await ledger?.list({ prefix: "pair/", limit: 1_000 })) ?? [];
      expect(records).toHaveLength(202);
      const values = new Set(records.map(({ value }) => value));
      expect([...values]).toHaveLength(1);
      expect(Number([...values][0])).toBeGreaterThanOrEqual(kill * 1_000_000);
    }
  },
  200_000,
);

import { setTimeout as sleep } from "node:timers/promises";
import { isWaybillError } from "@waybill/core";
import { startPostgres } from "@waybill/test-servers";
import { Client } from "pg";
import { blink } from "../../jobs.ts";
import { eventually } from "../../process.ts";
import { ledgerIn } from "../frame/ledger.ts";
import { none, onlyOn, type Scenario } from "../frame/scenario.ts";

const MOST = 12;
const SAYS = /the server has no connection left; raise max_connections, or give each process fewer/;

export const noConnectionLeft: Scenario = {
  name: "no connection left",
  promise:
    "When other programs hold every connection of PostgreSQL, connect and enqueue reject with what to do, and a worker whose connections were closed runs jobs again once some are free.",
  rows: ["R34"],
  on: onlyOn(["postgres"], "only PostgreSQL has few connections"),
  duplicates: none,
  load: "waits",
  server: "shared",
  async run({ target, freshStore, connected, started, atEnd }) {
    const server = await startPostgres({
      settings: { max_connections: `${MOST}`, superuser_reserved_connections: "0" },
    });
    atEnd(() => server.stop());
    const { folder } = await freshStore();
    const url = target.storeUrl(server.url, "crowded", folder);
    const ledger = ledgerIn(folder);
    const violations: string[] = [];
    const jobs = await connected(`${url}&connections=2`);
    const worker = started("worker", `${url}&connections=2`, ledger.record, JSON.stringify({ queues: ["default"] }));
    const accepted = [(await jobs.enqueue(blink, {})).id];
    await eventually(() => ledger.deeds("end").length === 1, "the worker is at work");

    const others: Client[] = [];
    atEnd(() => Promise.all(others.map((client) => client.end().catch(() => null))));
    const crowd = async (): Promise<void> => {
      for (let n = 0; n < 2 * MOST; n += 1) {
        const client = new Client(server.url);
        client.on("error", () => null);
        const opened = await client.connect().then(
          () => true,
          () => false,
        );
        if (!opened) return;
        others.push(client);
      }
    };
    await crowd();
    const [first] = others;
    if (first === undefined) throw new Error("no connection could be taken");
    // A failover closes them; the others are quicker to come back.
    await first.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'waybill%'");
    await crowd();
    const refused = await connected(url).then(
      () => null,
      (error: unknown) => error,
    );
    if (!isWaybillError(refused) || !SAYS.test(refused.message))
      violations.push(`connect ended with ${String(refused)}`);
    const unsent = await jobs.enqueue(blink, {}).then(
      ({ id }) => `it was accepted as ${id}`,
      (error: unknown) => error,
    );
    if (!isWaybillError(unsent) || !SAYS.test(unsent.message)) violations.push(`enqueue ended with ${String(unsent)}`);
    await Promise.all(others.splice(0).map((client) => client.end()));
    for (let tries = 0; accepted.length < 2; tries += 1) {
      await sleep(200);
      await jobs.enqueue(blink, {}).then(
        ({ id }) => accepted.push(id),
        (error: unknown) => {
          if (tries > 100) throw error;
        },
      );
    }
    const lost = await ledger.settle(accepted);
    if (worker.lines.some(({ event }) => event === "stopped")) violations.push("the worker stopped");
    return { accepted: accepted.length, lost, duplicated: ledger.duplicated(), violations };
  },
};

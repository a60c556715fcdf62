import { DatabaseSync } from "node:sqlite";
import { connect, defineJob, type Jobs } from "@waybill/core";
import { bookOnce, type Transact } from "@waybill/test-servers/features";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryFile } from "./temporary-file.ts";

let jobs: Jobs;
let db: DatabaseSync;

beforeEach(async () => {
  const file = temporaryFile();
  jobs = await connect(`sqlite:${file}`, { log: "off" });
  db = new DatabaseSync(file);
  db.exec("CREATE TABLE bookings (job TEXT)");
});
afterEach(async () => {
  await jobs.close();
  db.close();
});

const bookings = (): number => db.prepare("SELECT job FROM bookings").all().length;

const transact: Transact = async (work) => {
  db.exec("BEGIN IMMEDIATE");
  try {
    await work(db, (job) => db.prepare("INSERT INTO bookings VALUES (?)").run(job));
    db.exec("COMMIT");
  } catch (thrown) {
    db.exec("ROLLBACK");
    throw thrown;
  }
};

test("R46: an effect in a transaction that committed is not repeated by a later attempt", async () => {
  const results = await bookOnce(jobs, transact, (attempt) => (attempt < 3 ? "after it" : null));
  expect(results).toEqual(Array.from({ length: 3 }, () => "booked by attempt 1"));
  expect(bookings()).toBe(1);
});

test("R46: an effect in a transaction that rolled back is made by the next attempt", async () => {
  const results = await bookOnce(jobs, transact, (attempt) => (attempt === 1 ? "before the commit" : null));
  expect(results).toEqual(["booked by attempt 1", "booked by attempt 2"]);
  expect(bookings()).toBe(1);
});

test("once outside a transaction, or with something else, says what to hand in", async () => {
  const refusals: unknown[] = [];
  const odd = defineJob({
    type: "odd",
    async handler(_, job) {
      for (const given of [db, {}]) refusals.push(await job.once("a", () => 1, { in: given }).catch((error) => error));
    },
  });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.worker({ jobs: [odd] }).start();
  await jobs.enqueue(odd, {});
  await settled;
  expect(refusals).toMatchObject([
    { code: "CONFIG_INVALID", message: /no transaction is open/ },
    { code: "CONFIG_INVALID", message: /DatabaseSync/ },
  ]);
});

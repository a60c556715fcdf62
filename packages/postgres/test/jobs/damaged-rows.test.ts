import { connect, defineJob } from "@waybill/core";
import { jobMetrics } from "@waybill/core/metrics";
import { oddValues } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { freshSchema, freshUrl, sql } from "../database.ts";

const COUNT = 300;

test(`${COUNT} rows that another program wrote or changed stop no worker, are all listed, and can be dropped`, async () => {
  const schema = freshSchema();
  const odd = oddValues(11);
  const ran: string[] = [];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(await freshUrl(schema), { log: "off" });
  onTestFinished(() => jobs.close());
  const rejections: string[] = [];
  jobs.events.on("rejected", ({ id }) => void rejections.push(id));
  const metrics = jobMetrics(jobs);
  const ids: string[] = [];
  for (let count = 0; count < 20; count += 1) ids.push((await jobs.enqueue(good, { count })).id);
  const count4 = (): number => odd.pick([0, 1, -1, 2_147_483_647, -2_147_483_648, odd.below(100)]);
  const time = (): string => odd.pick(["infinity", "-infinity", "4713-01-01 BC", "2020-01-01", "294276-01-01"]);
  const past = (): string | null => odd.pick(["-infinity", "4713-01-01 BC", "2020-01-01", null]);
  const rows = Array.from({ length: COUNT }, (_, row) => ({
    id: odd.below(3) === 0 ? `${odd.text()} ${row}` : `row-${row}`,
    rank: odd.pick([0, 32_767, -32_768, 101]),
    wake_at: past(),
    due_at: past(),
    enqueued_at: time(),
    failures: count4(),
    // Of those that have lost many workers one runs at a time, so one must do.
    lost: row === 7 ? 2_147_483_647 : odd.pick([0, 1, -1, -2_147_483_648]),
    releases: count4(),
    token: odd.pick([null, null, 5]),
    type: odd.text(),
    tenant: odd.pick([null, odd.text()]),
    signature: odd.pick([null, odd.text()]),
    signature_timestamp: odd.pick([null, "9223372036854775807", "-1"]),
    body: odd.pick([odd.text(), JSON.stringify(odd.json()), odd.garbled('{"spec":"waybill/1"}')]),
  }));
  await sql(
    `INSERT INTO "${schema}".jobs (seq, queue, id, rank, wake_at, due_at, enqueued_at, failures, lost, releases, token, type,
      tenant, signature, signature_timestamp, body)
    SELECT nextval('"${schema}".job_seq'), 'default', id, rank, wake_at, due_at, enqueued_at, failures, lost, releases, token,
      type, tenant, signature, signature_timestamp, body
    FROM json_populate_recordset(NULL::"${schema}".jobs, $1::json)`,
    [JSON.stringify(rows)],
  );
  // Never due: beside it the good ones that are delayed come due all the same.
  await sql(
    `INSERT INTO "${schema}".jobs (seq, queue, id, rank, wake_at, enqueued_at, type, body)
    VALUES (0, 'default', 'never', 0, 'infinity', 'infinity', 'good', '{}')`,
  );
  const arrivals = Array.from({ length: 50 }, (_, arrival) => ({
    id: `arrival-${arrival}`,
    envelope: odd.garbled('{"spec":"waybill/1"}'),
  }));
  await sql(
    `INSERT INTO "${schema}".inbox (id, envelope)
    SELECT id, envelope FROM json_populate_recordset(NULL::"${schema}".inbox, $1::json)`,
    [JSON.stringify(arrivals)],
  );
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  ids.push((await jobs.enqueue(good, {}, { delay: 300 })).id);
  const list = async () => (await jobs.inspector?.deadLetters({ limit: Infinity })) ?? [];
  await expect.poll(async () => (await list()).length, { timeout: 20_000 }).toBe(COUNT + 50);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(ran.toSorted()).toEqual(ids.toSorted());
  await expect.poll(() => rejections.length).toBe(COUNT + 50);
  // Only the one that never comes due is left to look at: two more looks find nothing wrong with it.
  ids.push((await jobs.enqueue(good, {}, { delay: 600 })).id);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  ids.push((await jobs.enqueue(good, {}, { delay: 600 })).id);
  await expect.poll(() => ran.length, { timeout: 10_000 }).toBe(ids.length);
  expect(worker.health()).toMatchObject({ state: "running", message: null });
  await sql(`UPDATE "${schema}".dead SET died_at = 'infinity', attempt = -5 WHERE number % 7 = 0`);
  expect((await jobs.inspector?.counts())?.reduce((sum, queue) => sum + queue.dead, 0)).toBe(COUNT + 50);
  expect(await metrics.prometheus()).toContain("waybill_dead_total");
  for (const letter of await list()) {
    expect(() => new Date(letter.diedAt ?? 0).toISOString()).not.toThrow();
    expect(letter.attempt).toBeGreaterThanOrEqual(0);
  }
  expect(await jobs.inspector?.drop({ limit: Infinity })).toBe(COUNT + 50);
});

test("an inbox that this user may not read is reported once, by name, and in health; other jobs run on", async () => {
  const schema = freshSchema();
  const owner = await connect(await freshUrl(schema), { log: "off" });
  await owner.close();
  const user = schema.replace("test_", "user_");
  await sql(`CREATE USER ${user} PASSWORD 'secret'`);
  onTestFinished(async () => {
    await sql(`DROP OWNED BY ${user}; DROP USER ${user}`);
  });
  await sql(`GRANT USAGE ON SCHEMA "${schema}" TO ${user};
    GRANT ALL ON ALL TABLES IN SCHEMA "${schema}" TO ${user};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA "${schema}" TO ${user};
    REVOKE ALL ON "${schema}".inbox FROM ${user}`);
  const url = new URL(await freshUrl(schema));
  Object.assign(url, { username: user, password: "secret" });
  const ran: string[] = [];
  const good = defineJob({ type: "good", handler: (_, { id }) => void ran.push(id) });
  const jobs = await connect(url.href, { log: "off" });
  onTestFinished(() => jobs.close());
  const said: string[] = [];
  jobs.events.on("unavailable", ({ message }) => void said.push(message));
  const worker = jobs.worker({ jobs: [good] });
  await worker.start();
  const { id } = await jobs.enqueue(good, {});
  await expect.poll(() => ran, { timeout: 5_000 }).toEqual([id]);
  await expect.poll(() => said, { timeout: 5_000 }).toEqual([expect.stringMatching(/grant .*table inbox/)]);
  expect(worker.health()).toMatchObject({ state: "unavailable", message: expect.stringContaining("inbox") });
  const recovered = new Promise((resolve) => jobs.events.on("recovered", resolve));
  await sql(`GRANT ALL ON "${schema}".inbox TO ${user}`);
  await recovered;
  expect(worker.health()).toMatchObject({ state: "running" });
  expect(said).toHaveLength(1);
});

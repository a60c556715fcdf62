import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { connectProducer } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, linesOf, start, until, waybill } from "../cli.ts";

const jobs = fixture("jobs");

/** A place with `count` dead letters of `fragile.step`, made by a real worker. */
async function placeWithDead(count: number): Promise<ReturnType<typeof freshPlace>> {
  const place = freshPlace();
  const producer = await connectProducer(place.url, { log: "off" });
  for (let put = 0; put < count; put++) await producer.enqueue("fragile.step", {});
  await producer.close();
  await workUntil(place.env, "dead", count);
  return place;
}

/** Runs a worker until its log has `count` settled lines of `outcome`, then stops it. */
async function workUntil(env: Readonly<Record<string, string>>, outcome: string, count: number): Promise<void> {
  const worker = start(["worker", "--jobs", jobs], env);
  await until(`${count} × ${outcome}`, () => {
    const settled = linesOf(worker).filter((line) => line["event"] === "settled" && line["outcome"] === outcome);
    return settled.length >= count;
  });
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
}

const counts = async (env: Record<string, string>): Promise<Record<string, unknown>[]> =>
  jsonLines((await waybill(["queues", "--json"], { env })).stdout);

describe("waybill dead", () => {
  test("list shows what died and why", async () => {
    const { env } = await placeWithDead(1);
    const text = await waybill(["dead", "list"], { env });
    expect(text).toMatchObject({ code: 0, stderr: "" });
    const [titles, line, ...rest] = text.stdout.trimEnd().split("\n");
    expect(titles).toMatch(/^ID +TYPE +QUEUE +ATTEMPT +DIED {2}WHY$/);
    expect(line).toMatch(/^[0-9a-f-]{36} {2}fragile\.step {2}default +1 {2}.+ ago {2}\S+: .*no such account/);
    expect(rest).toEqual([]);

    const [row] = jsonLines((await waybill(["dead", "list", "--json"], { env })).stdout);
    expect(row).toMatchObject({ type: "fragile.step", queue: "default", attempt: 1 });
    expect(row?.["diedAt"]).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(JSON.parse(String(row?.["body"]))).toMatchObject({ spec: "waybill/1", type: "fragile.step" });
  });

  test("replay makes a dead job really run again", async () => {
    const { env } = await placeWithDead(1);
    writeFileSync(env["FIXED"]!, "");
    const replayed = await waybill(["dead", "replay", "--all"], { env });
    expect(replayed).toMatchObject({ code: 0, stdout: "1 dead letter replayed.\n" });
    expect(await counts(env)).toMatchObject([{ queue: "default", ready: 1, dead: 0 }]);
    await workUntil(env, "completed", 1);
    expect(readFileSync(env["TRACE"]!, "utf8")).toBe("fragile:ran\n");
    expect(await counts(env)).toMatchObject([{ queue: "default", ready: 0, leased: 0, dead: 0 }]);
  });

  test("one whose job another program deleted is shown as damaged, is not replayed, says why, and can be dropped", async () => {
    const { env } = await placeWithDead(2);
    const db = new DatabaseSync(env["WAYBILL_URL"]!.replace("sqlite:", ""));
    db.exec("DELETE FROM waybill_jobs WHERE seq = (SELECT min(seq) FROM waybill_jobs)");
    db.close();
    const listed = await waybill(["dead", "list"], { env });
    expect(listed.stdout).toMatch(/damaged: its job is no longer in the file/);
    const rows = jsonLines((await waybill(["dead", "list", "--json"], { env })).stdout);
    expect(rows.map(({ id, damage }) => [id === "", typeof damage])).toContainEqual([true, "string"]);
    const replayed = await waybill(["dead", "replay", "--all"], { env });
    expect(replayed).toMatchObject({ code: 1, stdout: "1 dead letter replayed.\n" });
    expect(replayed.stderr).toMatch(/cannot replay "": its job is no longer in the file.*; drop it/);
    const dropped = await waybill(["dead", "drop", "--all"], { env });
    expect(dropped).toMatchObject({ code: 0, stdout: "1 dead letter dropped.\n" });
  });

  test("replay and drop touch only the ids they are given", async () => {
    const { env } = await placeWithDead(3);
    const rows = jsonLines((await waybill(["dead", "list", "--json"], { env })).stdout);
    const [first, second, third] = rows.map((row) => String(row["id"]));
    const replay = await waybill(["dead", "replay", "--id", first!, "--json"], { env });
    expect(jsonLines(replay.stdout)).toEqual([{ replayed: 1 }]);
    const drop = await waybill(
      ["dead", "drop", "--id", second!, "--id", "0199a3c2-7d10-7000-8000-000000000000", "--json"],
      { env },
    );
    expect(jsonLines(drop.stdout)).toEqual([{ dropped: 1 }]);
    const left = jsonLines((await waybill(["dead", "list", "--json"], { env })).stdout);
    expect(left.map((row) => row["id"])).toEqual([third]);
    expect(await counts(env)).toMatchObject([{ ready: 1, dead: 1 }]);
  });

  test.each(["replay", "drop"])("%s does nothing unless told which", async (verb) => {
    const { env } = await placeWithDead(1);
    const filters = ["--queue", "--type", "--code", "--since"].map((name) => [name, name === "--since" ? "1h" : "x"]);
    const untold = [[], ...filters, ["--limit", "1"]];
    const results = untold.map((options) => waybill(["dead", verb, ...options, "--json"], { env }));
    for (const result of await Promise.all(results)) {
      expect(result).toMatchObject({ code: 2, stdout: "" });
      expect(JSON.parse(result.stderr)).toMatchObject({ error: { code: "USAGE" } });
    }
    const preview = await waybill(["dead", verb, "--all", "--dry-run", "--json"], { env });
    expect(jsonLines(preview.stdout)).toMatchObject([{ type: "fragile.step" }]);
    expect(await counts(env)).toMatchObject([{ ready: 0, dead: 1 }]);
  });

  test("filters by type, code and time choose what is listed, previewed and dropped, and the count says how many", async () => {
    const { env } = await placeWithDead(2);
    const bad = ["enqueue", "mail.album_ready", '{"albumId":7}', "--no-registry", "--queue", "mailers"];
    expect((await waybill(bad, { env })).code).toBe(0);
    await workUntil(env, "dead", 1);
    const listed = async (...filters: string[]): Promise<unknown[]> =>
      jsonLines((await waybill(["dead", "list", "--json", ...filters], { env })).stdout).map(({ type }) => type);
    const [fragile, album] = ["fragile.step", "mail.album_ready"];
    expect(await listed()).toEqual([album, fragile, fragile]);
    expect(await listed("--type", "fragile.step")).toEqual([fragile, fragile]);
    expect(await listed("--code", "PAYLOAD_INVALID")).toEqual([album]);
    expect(await listed("--type", "fragile.step", "--code", "PAYLOAD_INVALID")).toEqual([]);
    expect(await listed("--since", "1h", "--limit", "2")).toEqual([album, fragile]);
    expect(await listed("--since", new Date(Date.now() + 60_000).toISOString())).toEqual([]);

    const few = await waybill(["dead", "list", "--limit", "2"], { env });
    expect(few.stdout).toMatch(/\nThe newest 2 are shown; --limit shows more\.\n$/);
    const chosen = ["--type", "fragile.step", "--since", "1h", "--all"];
    const preview = await waybill(["dead", "drop", ...chosen, "--dry-run"], { env });
    expect(preview.stdout).toMatch(/\n2 dead letters would be dropped; nothing was changed\.\n$/);
    const dropped = await waybill(["dead", "drop", ...chosen], { env });
    expect(dropped).toMatchObject({ code: 0, stdout: "2 dead letters dropped.\n" });
    const replayed = await waybill(["dead", "replay", "--code", "PAYLOAD_INVALID", "--all"], { env });
    expect(replayed).toMatchObject({ code: 0, stdout: "1 dead letter replayed.\n" });
    expect(await listed()).toEqual([]);
  });

  test.each(["2", "yesterday", "2026-12-01", "2026-12-01T08:00:00", "-2h"])("--since %s is refused", async (since) => {
    const result = await waybill(["dead", "drop", "--all", `--since=${since}`], { env: freshPlace().env });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toMatch(/--since.*Write how long ago, with its unit \(30m, 2h, 7d\), or an ISO 8601 time/);
  });

  test("drop --all of one queue leaves the other queues alone", async () => {
    const { env } = await placeWithDead(2);
    const other = await waybill(["dead", "drop", "--all", "--queue", "elsewhere"], { env });
    expect(other.stdout).toBe("No dead letter matches; nothing was changed.\n");
    const own = await waybill(["dead", "drop", "--all", "--queue", "default"], { env });
    expect(own.stdout).toBe("2 dead letters dropped.\n");
    expect((await waybill(["dead", "list"], { env })).stdout).toBe("No dead letters.\n");
    expect(existsSync(env["TRACE"]!)).toBe(false);
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, jsonLines, start, until, waybill } from "../cli.ts";

const booted = (worker: ReturnType<typeof start>) =>
  until("the boot line", () => jsonLines(worker.stdout()).find(({ event }) => event === "booted"));

describe("waybill workers", () => {
  test("lists who runs what, with the program's version, as a table and as a line per worker", async () => {
    const { env, folder } = freshPlace();
    expect((await waybill(["workers"], { env })).stdout).toBe("No worker runs.\n");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ version: "1.4.2" }));
    const args = ["worker", "--jobs", fixture("jobs"), "--concurrency", "3"];
    const [first, second] = [
      start(args, env, [], folder),
      start([...args, "--program-version", "9f1c"], env, [], folder),
    ];
    const [one, two] = [await booted(first), await booted(second)];
    const listed = async () => jsonLines((await waybill(["workers", "--json"], { env })).stdout);
    await expect.poll(listed, { timeout: 20_000 }).toHaveLength(2);
    const rows = await listed();
    expect(rows).toContainEqual(expect.objectContaining({ id: one["worker"], pid: one["pid"], version: "1.4.2" }));
    expect(rows).toContainEqual(expect.objectContaining({ id: two["worker"], version: "9f1c", concurrency: 3 }));

    const { stdout, stderr, code } = await waybill(["workers"], { env });
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const [title, ...lines] = stdout.trimEnd().split("\n");
    expect(title).toMatch(/^WORKER +HOST +PID +VERSION +QUEUES +RUNNING +UP +HEARD$/);
    expect(lines).toHaveLength(2);
    expect(stdout).toMatch(/ 1\.4\.2 +\S*mailers\S* +0 of 3 +\d.* m?s +\d.* ago/);

    first.child.kill("SIGTERM");
    await first.ended;
    expect(await listed()).toMatchObject([{ id: two["worker"] }]);
  });

  test("lists the workers of SQS in the ledger that it borrows", async () => {
    const ledger = freshPlace().url;
    const url = (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/workers-${process.pid}`);
    const env = { WAYBILL_URL: url, WAYBILL_LEDGER: ledger };
    const worker = await booted(start(["worker", "--jobs", fixture("jobs")], env));
    const listed = async (args: readonly string[], given: Record<string, string>) =>
      jsonLines((await waybill(["workers", "--json", ...args], { env: given })).stdout);
    await expect.poll(() => listed([], env), { timeout: 20_000 }).toMatchObject([{ id: worker["worker"] }]);
    expect(await listed(["--url", url, "--ledger", ledger], {})).toMatchObject([{ id: worker["worker"] }]);
  });

  test("where the backend has no place for the list, says what to ask instead", async () => {
    const { code, stderr } = await waybill(["workers", "--url", await serviceUrl("rabbitmq")]);
    expect(stderr).toMatch(/^error: amqp:.* keeps no list of its workers; give it a ledger/);
    expect(code).toBe(1);
  });
});

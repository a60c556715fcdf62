import { randomUUID } from "node:crypto";
import { connect } from "@waybill/core";
import { recordStoreOf } from "@waybill/core/backend";
import { fromUrl } from "@waybill/sqlite";
import { context } from "@waybill/test-servers/fixtures";
import { expect, test } from "vitest";
import { freshPlace, jsonLines, waybill } from "../cli.ts";

test("waybill audit sums up the jobs of a window, and exits with 1 and a row for each that is nowhere", async () => {
  const { env, url } = freshPlace();
  const jobs = await connect(url, { log: "off", records: "7d" });
  await jobs.enqueue("mail.send", {}, { queue: "mailers" });
  await jobs.close();
  const whole = await waybill(["audit", "--last", "1h"], { env });
  expect({ stderr: whole.stderr, code: whole.code }).toEqual({ stderr: "", code: 0 });
  expect(whole.stdout).toMatch(
    /^Jobs enqueued from .*\n\nJOBS\n(.*\n)*accepted +1\n(.*\n)*unfinished +1\n.*\nmissing +0\n$/,
  );

  const id = randomUUID();
  const at = Date.now() - 60_000;
  const backend = await fromUrl(url)(context);
  const job = { id, type: "mail.send", queue: "mailers", tenant: null, enqueuedAt: at, payload: "{}", items: {} };
  const state = { state: "waiting", code: null, message: null, at, startedAt: null, endedAt: null } as const;
  await recordStoreOf(backend)?.write([{ ...job, ...state, rank: 1, replaces: 0 }]);
  await backend.close();
  const short = await waybill(["audit", "--last", "1h"], { env });
  expect(short.code).toBe(1);
  expect(short.stderr).toContain("1 of 2 accepted jobs are nowhere");
  expect(short.stdout).toMatch(new RegExp(`never_started +${id} +mail.send +mailers +.* waiting since `));
  const [line] = jsonLines((await waybill(["audit", "--json"], { env })).stdout);
  expect(line).toMatchObject({ accepted: 2, missing: 1, exact: true, gaps: [{ id }] });
  expect((await waybill(["audit", "--last", "0"], { env })).code).toBe(2);
});

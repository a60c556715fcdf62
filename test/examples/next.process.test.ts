import { newId } from "@waybill/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { secret, signed } from "../../packages/http/test/support/signed-requests.ts";
import { installExamples, type Examples } from "./frame/install.ts";
import { expectDashboard, openShop } from "./frame/shop.ts";

let examples: Examples;
beforeAll(async () => {
  examples = await installExamples(["next"]);
}, 600_000);
afterAll(() => examples?.remove());

const PASSWORD = "correct-horse-battery";

test("next: a server action enqueues, a push runs, the dashboard shows both, and SIGTERM ends all", async () => {
  const env = { NEXT_TELEMETRY_DISABLED: "1", WAYBILL_KEYS: secret, DASHBOARD_PASSWORD: PASSWORD };
  await examples.run("next", { script: "build", env });
  const { origin, server } = await openShop(({ PORT = "" }) =>
    examples.command("next", ["node", "../node_modules/next/dist/bin/next", "start", "-p", PORT], env),
  );

  // A form as a browser without scripts sends it: the page's hidden field names the action.
  const field = /name="(\$ACTION_ID_\w+)"/.exec(await (await fetch(origin)).text())?.[1] ?? "no action";
  const form = new FormData();
  form.set(field, "");
  form.set("orderId", "o_1");
  const bought = await fetch(origin, { method: "POST", body: form, headers: { origin }, redirect: "manual" });
  expect(bought.status).toBe(303);
  const auth = { authorization: `Basic ${btoa(`ops:${PASSWORD}`)}` };
  const { jobs } = (await (await fetch(`${origin}/admin/jobs/api/main/jobs`, { headers: auth })).json()) as {
    readonly jobs: readonly { readonly id: string }[];
  };
  expect(jobs).toHaveLength(1);

  const pushed = JSON.stringify({ spec: "waybill/1", id: newId(), type: "receipt.send", args: [{ orderId: "o_2" }] });
  const sent = { method: "POST", body: pushed, headers: signed(pushed) };
  expect((await fetch(`${origin}/work`, sent)).status).toBe(200);
  await server.said("receipt for o_2, attempt 1");

  expect((await fetch(`${origin}/admin/jobs`)).status).toBe(401);
  await expectDashboard(origin, jobs[0]?.id ?? "", auth);
  await server.stop();
  const worker = examples.command("next", ["node", "worker.ts"]);
  await worker.said("receipt for o_1, attempt 1");
  expect((await worker.stop()).code).toBe(0);
});

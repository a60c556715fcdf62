import { describe, expect, test } from "vitest";
import { freshPlace, linesOf, start, until, waybill } from "../cli.ts";

const PASSWORD = { WAYBILL_DASHBOARD_PASSWORD: "a long password" };

describe("waybill dashboard", () => {
  test("serves this machine, prints a line for each change, and ends well on SIGTERM while a page is open", async () => {
    const { env } = freshPlace();
    const running = start(["dashboard", "--port", "0"], env);
    const { address } = await until("listening", () => linesOf(running).find(({ event }) => event === "listening"));
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const { token } = (await (await fetch(`${String(address)}/api/session`)).json()) as { readonly token: string };
    const live = await fetch(`${String(address)}/api/main/live`);
    const headers = { "content-type": "application/json", "x-waybill-token": token };
    const done = await fetch(`${String(address)}/api/main/pause`, {
      method: "POST",
      headers,
      body: '{"queue":"mailers"}',
    });
    expect(done.status).toBe(200);
    const line = await until("the audit line", () => linesOf(running).find(({ audit }) => audit === "dashboard"));
    expect(line).toMatchObject({ user: "loopback", action: "pause", target: { queue: "mailers" } });
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    await live.body?.cancel().catch(() => undefined);
  });

  test("refuses to start off loopback without a password, and with a short one", async () => {
    const { env } = freshPlace();
    const open = await waybill(["dashboard", "--port", "0", "--host", "0.0.0.0"], { env });
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining("set WAYBILL_DASHBOARD_PASSWORD")]);
    const short = await waybill(["dashboard", "--port", "0"], { env: { ...env, WAYBILL_DASHBOARD_PASSWORD: "short" } });
    expect([short.code, short.stderr]).toEqual([2, expect.stringContaining("12 characters")]);
  });

  test("asks for the name and the password, and serves no change with --read-only", async () => {
    const { env } = freshPlace();
    const running = start(["dashboard", "--port", "0", "--host", "0.0.0.0", "--read-only"], { ...env, ...PASSWORD });
    const line = await until("listening", () => linesOf(running).find(({ event }) => event === "listening"));
    const address = String(line["address"]).replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(`${address}/api/session`)).status).toBe(401);
    const authorization = `Basic ${Buffer.from("admin:a long password").toString("base64")}`;
    const session = (await (await fetch(`${address}/api/session`, { headers: { authorization } })).json()) as Record<
      string,
      unknown
    >;
    expect(session).toMatchObject({ user: "admin", readOnly: true });
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});

import { freePort } from "@waybill/test-servers";
import { expect, vi } from "vitest";
import type { Running } from "./scripts.ts";
import { post } from "./requests.ts";

const WAIT = { timeout: 60_000, interval: 100 };

export interface Shop {
  readonly origin: string;
  readonly server: Running;
}

/** Starts a server, by a function that gets its port, and waits until it responds. */
export async function openShop(start: (env: Record<string, string>) => Running): Promise<Shop> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const server = start({ PORT: `${port}` });
  const early = server.ended.then(({ code, output }) => {
    throw new Error(`it ended with ${code}:\n${output}`);
  });
  await Promise.race([vi.waitFor(() => fetch(origin), WAIT), early]);
  return { origin, server };
}

/** Expects that an order is accepted, and that one which is none is refused with 400. Returns the id of its job. */
export async function expectOrders(origin: string, orderId: string, path = "/orders"): Promise<string> {
  const { status, body } = await post(origin + path, { orderId });
  expect([status, body]).toEqual([202, expect.anything()]);
  expect((await post(origin + path, { orderId: null })).status).toBe(400);
  const { jobId } = (typeof body === "string" ? JSON.parse(body) : body) as { readonly jobId: string };
  return jobId;
}

/** Expects that the dashboard loads, shows the job, and changes something. Leaves a stream open, as a page does. */
export async function expectDashboard(
  origin: string,
  jobId: string | null,
  headers: Record<string, string> = {},
): Promise<void> {
  const root = `${origin}/admin/jobs`;
  const page = await fetch(root, { headers });
  const script = /src="([^"]+)"/.exec(await page.text())?.[1] ?? "no script";
  expect((await fetch(new URL(script, page.url), { headers })).status).toBe(200);
  if (jobId !== null)
    expect(await (await fetch(`${root}/api/main/job?id=${jobId}`, { headers })).text()).toContain("receipt.send");
  const { token } = (await (await fetch(`${root}/api/session`, { headers })).json()) as { readonly token: string };
  const own = { ...headers, origin, "content-type": "application/json", "x-waybill-token": token };
  const change = { method: "POST", headers: own, body: JSON.stringify({ queue: "other" }) };
  expect(await (await fetch(`${root}/api/main/pause`, change)).json()).toEqual({ done: true });
  const stream = await fetch(`${root}/api/main/live`, { headers });
  expect((await stream.body?.getReader().read())?.done).toBe(false);
}

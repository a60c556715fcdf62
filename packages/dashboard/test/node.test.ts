import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createDashboard } from "@waybill/dashboard";
import { dashboardListener } from "@waybill/dashboard/node";
import express, { type RequestHandler } from "express";
import { afterEach, beforeEach, expect, test } from "vitest";

let jobs: Jobs;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  jobs = await connect(memoryBackend(), { log: "off" });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await jobs.close();
});

async function listen(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener as never);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closing.push(async () => {
    server.closeAllConnections();
    await once(server.close(), "close");
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each<[string, readonly RequestHandler[]]>([
  ["before any body parser", []],
  ["after express.json()", [express.json()]],
  ["after express.text()", [express.text({ type: "*/*" })]],
  ["after express.raw()", [express.raw({ type: "*/*" })]],
])("in Express, below a path of its own and %s, the page, its data and its changes are served", async (_, parsers) => {
  const app = express();
  for (const parser of parsers) app.use(parser);
  const dashboard = createDashboard({
    connections: { main: jobs },
    auth: "loopback",
    path: "/admin/jobs",
    audit: () => undefined,
  });
  app.use("/admin/jobs", dashboardListener(dashboard));
  const origin = await listen(app as never);
  const page = await fetch(`${origin}/admin/jobs`);
  expect([page.status, page.url]).toEqual([200, `${origin}/admin/jobs`]);
  expect(await page.text()).toContain("<title>waybill</title>");
  const { token } = (await (await fetch(`${origin}/admin/jobs/api/session`)).json()) as { readonly token: string };
  const headers = { "content-type": "application/json", "x-waybill-token": token };
  const response = await fetch(`${origin}/admin/jobs/api/main/pause`, {
    method: "POST",
    headers,
    body: '{"queue":"mailers"}',
  });
  expect(await response.json()).toEqual({ done: true });
  expect(await jobs.pauses()).toMatchObject([{ queue: "mailers" }]);
});

test("the fetch handler itself compresses nothing, since Next sends its response without Content-Encoding", async () => {
  const dashboard = createDashboard({ connections: { main: jobs }, auth: "loopback" });
  const response = await dashboard(new Request("http://localhost/", { headers: { "accept-encoding": "br, gzip" } }));
  expect([response.headers.get("content-encoding"), await response.text()]).toEqual([
    null,
    expect.stringMatching("<!doctype html>"),
  ]);
});

test("files are compressed, kept by their hash, and small", async () => {
  const origin = await listen(dashboardListener(createDashboard({ connections: { main: jobs }, auth: "loopback" })));
  const html = await (await fetch(origin)).text();
  const names = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name);
  expect(names).toHaveLength(3);
  for (const name of names) {
    const response = await fetch(`${origin}/${name}`, { headers: { "accept-encoding": "gzip" } });
    expect([response.status, response.headers.get("content-encoding")]).toEqual([200, "gzip"]);
    expect(response.headers.get("cache-control")).toContain("immutable");
  }
});

test("a reader that goes away ends its stream, and the backend is no longer asked", async () => {
  let asked = 0;
  const inspector = { ...jobs.inspector, counts: async () => ((asked += 1), []) } as never;
  const origin = await listen(
    dashboardListener(createDashboard({ connections: { main: { ...jobs, inspector } }, auth: "loopback" })),
  );
  const abort = new AbortController();
  const response = await fetch(`${origin}/api/main/live`, { signal: abort.signal });
  const reader = response.body?.getReader();
  let text = "";
  while (!text.includes("data: {")) text += Buffer.from((await reader?.read())?.value ?? []).toString();
  abort.abort();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const before = asked;
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(asked).toBe(before);
});

test("a request that is no request is refused, and the server goes on", async () => {
  const origin = await listen(dashboardListener(createDashboard({ connections: { main: jobs }, auth: "loopback" })));
  const response = await fetch(origin, { method: "OPTIONS", headers: { origin: "https://evil.example" } });
  expect(response.status).toBe(405);
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  expect((await fetch(origin)).status).toBe(200);
});

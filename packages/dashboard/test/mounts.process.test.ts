import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Controller, Get, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { connect, type Jobs } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { createDashboard, type DashboardOptions } from "@waybill/dashboard";
import { dashboardListener } from "@waybill/dashboard/node";
import { startNginx } from "@waybill/test-servers";
import express from "express";
import { afterEach, beforeEach, expect, test } from "vitest";

const PATH = "/admin/jobs";
const docs = readFileSync(new URL("../../../docs/dashboard.md", import.meta.url), "utf8");
let jobs: Jobs;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  jobs = await connect(memoryBackend(), { log: "off" });
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await jobs.close();
});

@Controller()
class Hello {
  @Get("hello")
  hello(): string {
    return "hello";
  }
}
@Module({ controllers: [Hello] })
class App {}

const hello: RequestListener = (_, response) => response.end("hello");

/** An application with one route of its own, `/hello`. Each returns the port that it listens at. */
const applications: Readonly<Record<string, (dashboard: RequestListener) => Promise<number>>> = {
  "node:http": (dashboard) =>
    listen((request, response) => (request.url?.startsWith(PATH) ? dashboard : hello)(request, response)),
  "Express 5": (dashboard) => listen(express().use(PATH, dashboard).use(express.json()).get("/hello", hello)),
  "Nest on Express": async (dashboard) => {
    const app = await NestFactory.create(App, { logger: false });
    app.use(PATH, dashboard);
    return nestPort(app);
  },
  "Nest on Fastify": async (dashboard) => {
    const app = await NestFactory.create(App, new FastifyAdapter(), { logger: false });
    app.use(PATH, dashboard);
    return nestPort(app);
  },
};

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  closing.push(() => once(server.close(), "close"));
  return (server.address() as AddressInfo).port;
}

async function nestPort(app: Awaited<ReturnType<typeof NestFactory.create>>): Promise<number> {
  await app.listen(0, "127.0.0.1");
  closing.push(() => app.close());
  return (app.getHttpServer().address() as AddressInfo).port;
}

const listenerOf = (options: Partial<DashboardOptions>): RequestListener =>
  dashboardListener(
    createDashboard({ connections: { main: jobs }, auth: "loopback", path: PATH, audit: () => undefined, ...options }),
  );

/** Expects that everything works at this place: files, data, the stream, changes by the page and by nobody else. */
async function expectWhole(origin: string): Promise<void> {
  const root = `${origin}${PATH}`;
  expect(await (await fetch(`${origin}/hello`)).text()).toBe("hello");
  const page = await fetch(root);
  expect([page.status, page.url]).toEqual([200, root]);
  const names = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
  expect(names).toHaveLength(3);
  for (const name of names) expect((await fetch(new URL(name ?? "", page.url))).status, name).toBe(200);

  const { token } = (await (await fetch(`${root}/api/session`)).json()) as { readonly token: string };
  const send = (path: string, queue: string, more: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(`${root}/api/main/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin, ...more },
      body: JSON.stringify({ queue }),
    });
  const own = { "x-waybill-token": token };
  expect((await send("pause", "evil", {})).status).toBe(403);
  expect((await send("pause", "evil", { ...own, origin: "https://evil.example" })).status).toBe(403);

  const abort = new AbortController();
  const stream = await fetch(`${root}/api/main/live`, { signal: abort.signal });
  const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
  const states = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString();
  await jobs.enqueue("mail.send", {}, { queue: "mailers" });
  expect(await (await send("pause", "mailers", own)).json()).toEqual({ done: true });
  // Each state comes when it is made: nothing on the way collects them.
  let seen = "";
  while (!/"queue":"mailers"[^}]*"pausedSince":\d/.test(seen)) seen += await states();
  abort.abort();
  expect(await jobs.pauses()).toMatchObject([{ queue: "mailers" }]);
}

test.each(Object.entries(applications))(
  "in %s, below a path, files, data, stream and changes work",
  async (_, serve) => {
    await expectWhole(`http://127.0.0.1:${await serve(listenerOf({}))}`);
  },
);

test.each(Object.entries(applications))(
  "in %s, another host name is refused, and so is a proxy without auth",
  async (_, serve) => {
    const port = await serve(listenerOf({}));
    const statusOf = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${PATH}/api/session`, { headers })).status;
    expect(await statusOf({ "x-forwarded-for": "203.0.113.7" })).toBe(403);
    expect(await statusOf({ via: "1.1 proxy" })).toBe(403);
    expect(await statusOf({})).toBe(200);
  },
);

test.each(Object.entries(applications))(
  "in %s, an open page does not hold up the end of the server",
  async (_, serve) => {
    const stream = await fetch(`http://127.0.0.1:${await serve(listenerOf({}))}${PATH}/api/main/live`);
    const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    const began = performance.now();
    for (const close of closing.splice(0)) await close();
    expect(performance.now() - began).toBeLessThan(2_000);
  },
);

test.each(["node:http", "Express 5"])(
  "behind nginx that keeps the Host header, all of it works in %s",
  async (name) => {
    const serve = applications[name] as (typeof applications)[string];
    let dashboard = hello;
    const port = await serve((request, response) => dashboard(request, response));
    const block = /```nginx\n([^`]+)```/.exec(docs)?.[1] ?? "";
    const directives = [...block.matchAll(/^ {2}(proxy_set_header [^;]+);/gm)].map(([, line]) => line as string);
    expect(directives).toHaveLength(2);
    // The default, with space for more than the stream sends: a state leaves nginx before the end of the stream only as its header asks.
    directives.push("proxy_buffering on", "proxy_buffer_size 256k", "proxy_buffers 8 256k");
    const nginx = await startNginx({ upstream: `http://127.0.0.1:${port}`, directives });
    closing.push(() => nginx.stop());
    dashboard = listenerOf({ auth: () => ({ user: "ada" }), hosts: [new URL(nginx.url).host] });
    await expectWhole(nginx.url);
    expect((await fetch(`http://127.0.0.1:${port}${PATH}/`)).status).toBe(421);
  },
);

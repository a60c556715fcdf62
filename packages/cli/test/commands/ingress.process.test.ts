import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { keyRing, newSecret } from "@waybill/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { freshPlace, jsonLines, linesOf, type Running, start, until, waybill } from "../cli.ts";

const id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";
const envelope = JSON.stringify({ spec: "waybill/1", id, type: "mail.send", args: [] });

/** Started at a port that is free; resolves with its address once it says it. */
async function started(args: string[], env: Record<string, string>): Promise<{ running: Running; address: string }> {
  const running = start(["ingress", "--port", "0", ...args], env);
  const line = await until("listening", () => linesOf(running).find(({ event }) => event === "listening"));
  return { running, address: String(line["address"]) };
}

function post(address: string, headers: Record<string, string> = {}, body = envelope): Promise<Response> {
  return fetch(address, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", "webhook-id": id, ...headers },
  });
}

function signed(secret: string): Record<string, string> {
  const timestamp = Math.floor(Date.now() / 1_000);
  const value = keyRing(secret).sign({ id, timestamp, body: envelope });
  return { "webhook-timestamp": String(timestamp), "webhook-signature": value };
}

const ready = async (env: Record<string, string>): Promise<unknown[]> =>
  jsonLines((await waybill(["queues", "--json"], { env })).stdout).map((row) => row["ready"]);

describe("waybill ingress", () => {
  test("stores what is signed, refuses what is not, and ends well on SIGTERM", async () => {
    const { env } = freshPlace();
    const secret = newSecret();
    const { running, address } = await started([], { ...env, WAYBILL_KEYS: secret });
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/jobs$/);
    const taken = await post(address, signed(secret));
    expect({ status: taken.status, body: await taken.json() }).toEqual({ status: 200, body: { id, stored: true } });
    expect((await post(address, signed(newSecret()))).status).toBe(403);
    expect((await post(address)).status).toBe(403);
    const health = await fetch(new URL("/health", address));
    expect({ status: health.status, body: await health.json() }).toEqual({ status: 200, body: { status: "ok" } });
    expect((await fetch(new URL("/elsewhere", address), { method: "POST" })).status).toBe(404);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    expect(linesOf(running).every((line) => typeof line["event"] === "string")).toBe(true);
    expect(await ready(env)).toEqual([1]);
  });

  test("takes unsigned jobs and batches from this machine, at a path of its own", async () => {
    const { env } = freshPlace();
    const { running, address } = await started(["--path", "/in"], env);
    expect((await post(address)).status).toBe(200);
    const lines = [envelope, envelope.replace(id, id.replace("0195", "0196"))].join("\n");
    const batch = await post(`${address}/batch`, { "content-type": "application/x-ndjson", "webhook-id": "b" }, lines);
    expect(await batch.json()).toMatchObject({ results: [{ stored: false }, { stored: true }] });
    const bad = await post(address, {}, envelope.replace("mail.send", "Mail"));
    expect(await bad.json()).toMatchObject({ status: 400, code: "TYPE_INVALID" });
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(0);
  });

  test("a request that has begun is answered after the signal, and its job is stored", async () => {
    const { env } = freshPlace();
    const { running, address } = await started([], env);
    const halves = new TransformStream<Uint8Array, Uint8Array>();
    const writer = halves.writable.getWriter();
    const half = Buffer.from(envelope);
    const options = { method: "POST", body: halves.readable, headers: { "webhook-id": id }, duplex: "half" };
    const answer = fetch(address, {
      ...options,
      headers: { ...options.headers, "content-type": "application/json" },
    } as RequestInit);
    await writer.write(half.subarray(0, 20));
    // By now its headers are there: another request on another connection has been answered after it.
    await fetch(new URL("/health", address));
    running.child.kill("SIGTERM");
    const isClosed = (): Promise<boolean> =>
      fetch(new URL("/health", address)).then(
        ({ status }) => status === 503,
        () => true,
      );
    await expect.poll(isClosed, { timeout: 10_000 }).toBe(true);
    await writer.write(half.subarray(20));
    await writer.close();
    expect((await answer).status).toBe(200);
    expect((await running.ended).code).toBe(0);
    expect(await ready(env)).toEqual([1]);
  });

  test.each([
    [
      ["--host", "0.0.0.0"],
      /every machine that reaches 0\.0\.0\.0 could enqueue any job: set WAYBILL_KEYS or --keys-file/,
    ],
    [["--port", "70000"], /--port.*Write a port from 0 to 65535/],
    [["--path", "jobs"], /path is "jobs": begin it with a slash/],
  ])("%s is refused before anything listens", async (args, message) => {
    const result = await waybill(["ingress", ...args], { env: freshPlace().env });
    expect(result).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });

  test("keys and --unsigned together are refused, and a port that is taken is named", async () => {
    const { env } = freshPlace();
    const both = await waybill(["ingress", "--unsigned"], { env: { ...env, WAYBILL_KEYS: newSecret() } });
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("keep one of them") });
    const server = createServer();
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const taken = await waybill(["ingress", "--port", String(port)], { env });
    expect(taken.code).toBe(1);
    expect(taken.stderr).toContain(
      `cannot listen at port ${port} of 127.0.0.1: another program uses the port; choose another one`,
    );
  });

  test("off this machine it takes unsigned jobs only when told to", async () => {
    const { running, address } = await started(["--host", "0.0.0.0", "--unsigned"], freshPlace().env);
    expect((await post(address.replace("0.0.0.0", "127.0.0.1"))).status).toBe(200);
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
  });
});

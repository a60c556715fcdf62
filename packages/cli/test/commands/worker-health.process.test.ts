import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { defineJob, connect } from "@waybill/core";
import { startRedis } from "@waybill/test-servers";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixture, freshPlace, linesOf, start, until, waybill } from "../cli.ts";
import { probe, probesOf, valueOf } from "../requests.ts";

const jobs = fixture("metered");
const POLL = { timeout: 20_000, interval: 50 };
const open = ["worker", "--jobs", jobs, "--metrics-port", "0"];

describe("the port of a worker for Prometheus and probes", () => {
  test("R31: the drain estimate of 1,000 jobs of 100 ms at concurrency 10 is within 25 % of what was measured", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const metered = defineJob({ type: "metered.step" });
    const producer = await connect(server.url, { log: "off" });
    onTestFinished(() => producer.close());
    const stored = await producer.enqueueMany(Array.from({ length: 1_000 }, () => ({ job: metered, payload: null })));
    expect(stored.every(({ ok }) => ok)).toBe(true);
    const worker = start([...open, "--concurrency", "10"], { WAYBILL_URL: server.url });
    const address = await probesOf(worker);
    const estimates: { readonly at: number; readonly seconds: number; readonly desired: number }[] = [];
    const giveUpAt = Date.now() + 120_000;
    while (Date.now() < giveUpAt) {
      const { body } = await probe(address, "/metrics");
      const seconds = valueOf(body, "waybill_drain_seconds");
      const desired = valueOf(body, "waybill_desired_workers") ?? 0;
      if (seconds === 0 && estimates.length > 0) break;
      if (seconds !== null && seconds > 0) estimates.push({ at: Date.now(), seconds, desired });
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const ends = linesOf(worker).filter(({ event }) => event === "settled");
    const endedAt = Math.max(...ends.map(({ at }) => Date.parse(String(at))));
    expect(ends).toHaveLength(1_000);
    // The last seconds are rounding; the first estimate is the one a scaler acts on.
    const ratios = estimates
      .map(({ at, seconds }) => ({ seconds, measured: (endedAt - at) / 1_000 }))
      .filter(({ measured }) => measured > 2)
      .map(({ seconds, measured }) => seconds / measured)
      .sort((one, other) => one - other);
    expect(ratios.length).toBeGreaterThan(5);
    const median = ratios[Math.floor(ratios.length / 2)] ?? 0;
    expect(median).toBeGreaterThan(0.75);
    expect(median).toBeLessThan(1.25);
    expect(estimates[0]?.desired).toBe(1);
  });

  test("/ready and /health say what the process does: starting, running, draining", async () => {
    const { env } = freshPlace();
    const worker = start([...open, "--drain", "30s"], env);
    const address = await probesOf(worker);
    expect(await probe(address, "/health")).toMatchObject({ status: 200, body: "ok\n" });
    await until("the boot line", () => linesOf(worker).some(({ event }) => event === "booted"));
    expect(await probe(address, "/ready")).toMatchObject({ status: 200, body: "ok\n" });
    await waybill(["enqueue", "metered.long", "--jobs", jobs], { env });
    await until("the start", () => linesOf(worker).some(({ event }) => event === "started"));
    const { body } = await probe(address, "/metrics");
    expect(valueOf(body, "waybill_running")).toBe(1);
    expect(valueOf(body, "waybill_slots")).toBe(10);
    expect(valueOf(body, "waybill_utilisation")).toBe(0.1);
    expect(valueOf(body, 'waybill_workers{queue="default"}')).toBe(1);
    worker.child.kill("SIGTERM");
    const isDraining = async (): Promise<string> => (await probe(address, "/ready")).body;
    await expect.poll(isDraining, { timeout: 20_000 }).toBe("draining\n");
    expect(await probe(address, "/ready")).toMatchObject({ status: 503 });
    expect(await probe(address, "/health")).toMatchObject({ status: 200 });
    // The second signal ends the drain.
    worker.child.kill("SIGTERM");
    expect((await worker.ended).code).toBe(0);
    await expect(probe(address, "/health")).rejects.toThrow("ECONNREFUSED");
  });

  test("--canary runs a job of no file through the queue, and /metrics has when", async () => {
    const worker = start([...open, "--canary", "1s"], freshPlace().env);
    const address = await probesOf(worker);
    const ranAt = async (): Promise<number | null> =>
      valueOf((await probe(address, "/metrics")).body, 'waybill_canary_timestamp_seconds{queue="default"}');
    await expect.poll(ranAt, POLL).toBeGreaterThan(0);
  });

  test("has three paths, two methods, and names of this machine", async () => {
    const worker = start(open, freshPlace().env);
    const address = await probesOf(worker);
    expect(new URL(address).hostname).toBe("127.0.0.1");
    const statusOf = async (...args: Parameters<typeof probe>): Promise<number> => (await probe(...args)).status;
    for (const path of ["/", "/health/", "/healthz", "/metrics/x", "/../metrics/..", "*", "//"]) {
      expect([path, await statusOf(address, path)]).toEqual([path, 404]);
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect([method, await statusOf(address, "/health", { method })]).toEqual([method, 405]);
    }
    expect(await probe(address, "/health", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    for (const host of ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "169.254.1.1"]) {
      expect([host, await statusOf(address, "/metrics", { headers: { host } })]).toEqual([host, 421]);
    }
    for (const host of ["localhost", "LOCALHOST:1", "127.0.0.1", "127.3.2.1:9", "[::1]:9464"]) {
      expect([host, await statusOf(address, "/health", { headers: { host } })]).toEqual([host, 200]);
    }
  });

  test("a port that is taken ends the command with the option to change", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { env } = freshPlace();
    const ended = await waybill(["worker", "--jobs", jobs], { env: { ...env, WAYBILL_METRICS_PORT: String(port) } });
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toContain(`cannot listen at port ${port} of 127.0.0.1: another program uses the port`);
    expect(ended.stderr).toContain("--metrics-port");
    const nowhere = ["worker", "--jobs", jobs, "--metrics-port", "0", "--metrics-host", "203.0.113.9"];
    expect((await waybill(nowhere, { env })).stderr).toContain("--metrics-host");
    expect((await waybill(["worker", "--jobs", jobs, "--metrics-port", "70000"], { env })).code).toBe(2);
  });

  test("R59: the web process is killed; the worker stays healthy and the jobs that it left complete", async () => {
    const server = await startRedis({ appendfsync: "always" });
    onTestFinished(() => server.stop());
    const env = { WAYBILL_URL: server.url };
    const web = start(["ingress", "--port", "0"], env);
    const listening = await until("the web process", () => linesOf(web).find(({ event }) => event === "listening"));
    const worker = start([...open, "--drain", "30s"], env);
    const address = await probesOf(worker);
    const bodyOf = async (path: string): Promise<string> => {
      const { status, body } = await probe(address, path);
      return `${status} ${body}`;
    };
    await expect.poll(() => bodyOf("/ready"), POLL).toBe("200 ok\n");
    const types = ["metered.step", "metered.step", "metered.long"];
    for (const [n, type] of types.entries()) {
      const id = `0190b6a2-0000-7000-8000-00000000000${n}`;
      const body = JSON.stringify({ spec: "waybill/1", id, type, args: [] });
      const headers = { "content-type": "application/json" };
      const response = await fetch(String(listening["address"]), { method: "POST", headers, body });
      expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
    }
    web.child.kill("SIGKILL");
    await web.ended;
    expect([await bodyOf("/health"), await bodyOf("/ready")]).toEqual(["200 ok\n", "200 ok\n"]);
    const completed = (): number => linesOf(worker).filter(({ outcome }) => outcome === "completed").length;
    await until("the jobs", () => completed() === 2);

    // What a platform must not answer with a restart: the backend is away, and then the worker drains.
    await server.kill();
    await expect.poll(() => bodyOf("/ready"), POLL).toMatch(/^503 unavailable: .+\n$/);
    expect(await bodyOf("/health")).toBe("200 ok\n");
    const { body } = await probe(address, "/metrics");
    expect([valueOf(body, "waybill_backend_up"), valueOf(body, "waybill_running")]).toEqual([0, 1]);
    await server.restart();
    await expect.poll(() => bodyOf("/ready"), POLL).toBe("200 ok\n");
    worker.child.kill("SIGTERM");
    await expect.poll(() => bodyOf("/ready"), POLL).toBe("503 draining\n");
    expect(await bodyOf("/health")).toBe("200 ok\n");
    worker.child.kill("SIGTERM");
    expect((await worker.ended).code).toBe(0);
  });
});

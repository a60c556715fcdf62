import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "@waybill/core";
import { startRedis } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { linesOf, start, until } from "../cli.ts";
import { probe, probesOf, valueOf } from "../requests.ts";

const step = "photo.resize";
const POLL = { timeout: 20_000, interval: 50 };

test("the port of waybill push says what it does: running, without its backend, and draining before it ends", async () => {
  const server = await startRedis({ appendfsync: "always" });
  onTestFinished(() => server.stop());
  const open: ServerResponse[] = [];
  const application = createServer((_request, response) => void open.push(response)).listen(0, "127.0.0.1");
  await once(application, "listening");
  onTestFinished(() => void application.close().closeAllConnections());
  const to = `http://127.0.0.1:${(application.address() as AddressInfo).port}/work`;
  const push = start(["push", "--to", to, "--unsigned", "--metrics-port", "0"], { WAYBILL_URL: server.url });
  const address = await probesOf(push);
  const bodyOf = async (path: string): Promise<string> => {
    const { status, body } = await probe(address, path);
    return `${status} ${body}`;
  };
  expect(await bodyOf("/ready")).toMatch(/^(200 ok|503 starting)\n$/);
  await expect.poll(() => bodyOf("/ready"), POLL).toBe("200 ok\n");

  const producer = await connect(server.url, { log: "off" });
  await producer.enqueue(step, null);
  await producer.close();
  const [held] = await until("the request", () => open.length > 0 && open);
  const { body } = await probe(address, "/metrics");
  expect(valueOf(body, "waybill_backend_up")).toBe(1);
  expect(valueOf(body, "waybill_running")).toBe(1);
  expect(valueOf(body, 'waybill_jobs{queue="default",state="leased"}')).toBe(1);
  expect(body).toMatch(/^waybill_wait_seconds_count\{queue="default",type="[^"]+"\} 1$/m);

  // Without its backend this process works, counts itself and says so.
  await server.kill();
  await expect.poll(() => bodyOf("/ready"), POLL).toMatch(/^503 unavailable: .+\n$/);
  expect(await bodyOf("/health")).toBe("200 ok\n");
  const away = (await probe(address, "/metrics")).body;
  expect([valueOf(away, "waybill_backend_up"), valueOf(away, "waybill_running")]).toEqual([0, 1]);
  expect(away).not.toContain("waybill_jobs{");
  await server.restart();
  await expect.poll(() => bodyOf("/ready"), POLL).toBe("200 ok\n");

  push.child.kill("SIGTERM");
  await expect.poll(() => bodyOf("/ready"), POLL).toBe("503 draining\n");
  expect(await bodyOf("/health")).toBe("200 ok\n");
  expect(valueOf((await probe(address, "/metrics")).body, "waybill_running")).toBe(1);
  expect(linesOf(push).filter(({ event }) => event === "settled")).toEqual([]);
  held?.end();
  expect((await push.ended).code).toBe(0);
  expect(linesOf(push).at(-1)).toMatchObject({ event: "stopped", completed: 1, unfinished: 0 });
  await expect(probe(address, "/health")).rejects.toThrow("ECONNREFUSED");
});

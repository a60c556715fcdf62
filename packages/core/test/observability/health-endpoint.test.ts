import { expect, onTestFinished, test } from "vitest";
import { defineJob, WaybillError } from "../../src/index.ts";
import { healthEndpoint, type HealthOptions, type HealthSource } from "../../src/observability/metrics/index.ts";
import { connected, eventOf, memoryWith } from "../helpers/connected.ts";

type State = ReturnType<HealthSource["health"]>;

function probed(states: readonly Partial<State>[], options: HealthOptions = {}) {
  const workers = states.map((state) => ({
    health: () => ({ state: "running", message: null, unavailableMs: null, ...state }),
  }));
  const endpoint = healthEndpoint(workers, options);
  onTestFinished(() => endpoint.stop());
  return async (url: string, method = "GET"): Promise<readonly [number, string]> => {
    const response = await endpoint.fetch({ method, url });
    return [response.status, await response.text()];
  };
}

test.each<readonly [Partial<State>, number, number, RegExp]>([
  [{ state: "running" }, 200, 200, /^ok$/],
  [{ state: "new" }, 200, 503, /^starting$/],
  [{ state: "draining" }, 200, 503, /^draining$/],
  [{ state: "stopped" }, 200, 503, /^stopped$/],
  [{ state: "unavailable", message: "no route", unavailableMs: 299_000 }, 200, 503, /^unavailable: no route$/],
  [{ state: "unavailable", message: "no route", unavailableMs: 301_000 }, 503, 503, /^unavailable: no route$/],
  [{ state: "silent" }, 503, 503, /^a call on the backend has not returned$/],
])("a worker in %o is health %i and ready %i", async (state, health, ready, why) => {
  const get = probed([{}, state]);
  expect((await get("/health"))[0]).toBe(health);
  const [status, text] = await get("http://worker.internal:9464/ready?probe=1");
  expect([status, text.trimEnd()]).toEqual([ready, expect.stringMatching(why)]);
});

test("the reason is plain text of one line, whatever the error says", async () => {
  const get = probed([{ state: "unavailable", message: "line one\nHTTP/1.1 200 OK\u001b[2J", unavailableMs: 10 }], {
    unavailableFor: 5,
  });
  const [status, text] = await get("/health");
  expect(status).toBe(503);
  expect(text).toMatch(/^the backend has been unavailable for 0 s: .*\n$/);
  expect(text).not.toContain("\u001b");
});

test("a process without a worker yet is healthy and not ready", async () => {
  const get = probed([]);
  expect(await get("/health")).toEqual([200, "ok\n"]);
  expect(await get("/ready")).toEqual([503, "starting\n"]);
});

test("other paths are not found, /metrics without metrics too, other methods are refused", async () => {
  const get = probed([{}]);
  for (const url of ["/", "//", "*", "/metrics", "/health/", "http://x/", "no url"]) {
    expect([url, (await get(url))[0]]).toEqual([url, 404]);
  }
  expect((await get("/health", "POST"))[0]).toBe(405);
  expect(await get("/health", "HEAD")).toEqual([200, ""]);
  const scraped = probed([{}], { metrics: { prometheus: async () => "up 1\n" } });
  expect(await scraped("/metrics")).toEqual([200, "up 1\n"]);
  const throwing = probed([{}], { metrics: { prometheus: () => Promise.reject(new TypeError("secret")) } });
  expect(await throwing("/metrics")).toEqual([500, "the request failed: TypeError\n"]);
});

test("a request that waited while the event loop was blocked hears of it, and later ones do not", async () => {
  const get = probed([{}], { blockedFor: 300 });
  expect((await get("/health"))[0]).toBe(200);
  const until = performance.now() + 1_600;
  while (performance.now() < until);
  expect(await get("/health")).toEqual([503, expect.stringMatching(/^the event loop was blocked for \d+ s: /)]);
  await expect.poll(async () => (await get("/health"))[0], { timeout: 20_000 }).toBe(200);
});

test("a worker whose backend is away is unhealthy only after the time given", async () => {
  let isAway = false;
  const away = memoryWith((backend) => ({
    lease: (request) =>
      isAway
        ? Promise.reject(new WaybillError("BACKEND_UNAVAILABLE", "away for lunch"))
        : backend.lease({ ...request, waitMs: 10 }),
  }));
  const jobs = await connected(away);
  const worker = jobs.worker({ jobs: [defineJob({ type: "a.b", handler() {} })] });
  const [patient, strict] = [healthEndpoint(worker), healthEndpoint(worker, { unavailableFor: 1 })];
  onTestFinished(() => [patient, strict].forEach((one) => one.stop()));
  const status = async (one: typeof patient, path: string): Promise<number> =>
    (await one.fetch(new Request(`http://localhost${path}`))).status;
  expect(await status(patient, "/ready")).toBe(503);
  await worker.start();
  expect(await status(patient, "/ready")).toBe(200);
  const gone = eventOf(jobs, "unavailable");
  isAway = true;
  await gone;
  await expect.poll(() => status(strict, "/health"), { timeout: 20_000 }).toBe(503);
  expect(await status(patient, "/health")).toBe(200);
  expect(await status(patient, "/ready")).toBe(503);
  const back = eventOf(jobs, "recovered");
  isAway = false;
  await back;
  expect(await status(strict, "/health")).toBe(200);
});

test("refuses options that cannot work", () => {
  const make = (options: object) => () => healthEndpoint([], options as never);
  expect(make({ blockedFr: 1 })).toThrow('have no "blockedFr"; did you mean "blockedFor"');
  expect(make({ unavailableFor: "soon" })).toThrow('unavailableFor is "soon"');
});

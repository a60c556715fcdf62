import { ec2AutoScaling, ec2Spot } from "@waybill/platforms";
import { beforeAll, describe, test, vi, type TestContext } from "vitest";
import { fakeAutoScaling, fakeMetadata, type FakeMetadata } from "./fakes.ts";
import { watched } from "./watching.ts";

const STATE = "autoscaling/target-lifecycle-state";
const POLL = { timeout: 20_000, interval: 25 };

beforeAll(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

/** Sources of both kinds on one instance that stays in service. */
async function both(t: TestContext, metadata: FakeMetadata) {
  const service = await fakeAutoScaling(t, 60);
  const sources = [
    ec2AutoScaling({ hook: "drain", metadata: metadata.url, endpoint: service.url }),
    ec2Spot({ metadata: metadata.url, rebalance: true }),
  ];
  return { service, ...(await watched(t, sources)) };
}
const readings = ({ paths }: FakeMetadata, path: string): number => paths.filter((one) => one === path).length;

describe.concurrent("the instance metadata", { timeout: 60_000 }, () => {
  test.for<[string, Record<string, string>]>([
    ["the states of a warm pool and others", { [STATE]: "Warmed:Terminated" }],
    ["a state in another case", { [STATE]: "terminated" }],
    ["the page of a stranger", { [STATE]: "<h1>Terminated</h1>" }],
    ["an instance in service", { [STATE]: "InService", "spot/instance-action": "" }],
    ["a notice that is no JSON", { "spot/instance-action": "terminate" }],
    ["a notice of another shape", { "spot/instance-action": '["terminate"]' }],
    ["a notice without an action", { "spot/instance-action": '{"time":"2026-12-01T08:22:00Z"}' }],
    ["a notice without a time", { "spot/instance-action": '{"action":"terminate","time":"soon"}' }],
    ["a recommendation without a time", { "events/recommendations/rebalance": "{}" }],
    ["nothing at all", {}],
  ])("stops nothing for %s", async ([, items], t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t, items);
    const { stops } = await both(t, metadata);
    await expect.poll(() => readings(metadata, "events/recommendations/rebalance"), POLL).toBeGreaterThan(2);
    expect(stops).toEqual([]);
  });

  test("is read with one token, and with a new one when that has expired", async (t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t);
    const { stops } = await watched(t, [ec2Spot({ metadata: metadata.url })]);
    await expect.poll(() => readings(metadata, "spot/instance-action"), POLL).toBeGreaterThan(1);
    expect(metadata.tokens.granted).toBe(1);
    metadata.tokens.valid = "expired";
    const before = readings(metadata, "spot/instance-action");
    await expect.poll(() => readings(metadata, "spot/instance-action"), POLL).toBeGreaterThan(before);
    expect(metadata.tokens.granted).toBe(2);
    expect(stops).toEqual([]);
  });

  test.for<[string, FakeMetadata["misbehave"]]>([
    ["never responds", () => {}],
    ["refuses every token", (_, response) => void response.writeHead(403).end()],
    ["responds 401 to everything", (_, response) => void response.writeHead(401).end("Terminated")],
    ["responds 500", (_, response) => void response.writeHead(500).end("Terminated")],
    ["redirects", (_, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end()],
    ["sends a body without end", (_, response) => void response.end("Terminated\n".repeat(100_000))],
    ["sends a token that is no header", (_, response) => void response.end("a\u0000b\r\nc")],
    ["closes the connection", (request) => void request.socket.destroy()],
  ])("that %s stops nothing; one line says so, and the watch works once it responds", async ([, misbehave], t) => {
    const { expect } = t;
    const metadata = await fakeMetadata(t);
    metadata.misbehave = misbehave;
    const { lines, stops, watch } = await watched(t, [ec2Spot({ metadata: metadata.url })]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^ec2Spot: the instance metadata cannot be read \(.+\); the program runs.* elsewhere leave out `--platform ec2`/,
    );
    expect(stops).toEqual([]);
    metadata.misbehave = null;
    const time = new Date(Date.now() + 110_000).toISOString();
    metadata.items.set("spot/instance-action", JSON.stringify({ action: "terminate", time }));
    await expect.poll(() => stops.length, POLL).toBe(1);
    expect(lines[1]).toBe("ec2Spot: the instance metadata can be read again");
    await watch.close();
  });

  test("that is not there, as outside of EC2, is reported once and stops nothing", async (t) => {
    const { expect } = t;
    const { lines, stops } = await watched(t, [ec2Spot({ metadata: "http://127.0.0.1:1" })]);
    expect(lines).toEqual([expect.stringContaining("cannot be read (ECONNREFUSED); the program runs")]);
    expect(stops).toEqual([]);
  });
});

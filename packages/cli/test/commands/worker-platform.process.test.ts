import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { fixture, freshPlace, linesOf, start, until, waybill } from "../cli.ts";
import { probe, probesOf } from "../requests.ts";

const jobs = fixture("metered");
const POLL = { timeout: 20_000, interval: 50 };

/** Plays a service of the platform; its documented behaviour is in packages/platforms/test/fakes.ts. */
async function fake(respond: RequestListener): Promise<string> {
  const server = createServer(respond);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

describe("waybill worker --platform", () => {
  test("R41: ec2 drains when the group ends the instance, completes the action and exits with 0; started again it leases nothing", async () => {
    let state = "InService";
    const calls: string[] = [];
    const metadata = await fake((request, response) => {
      const items: Record<string, string> = { "instance-id": "i-1", "placement/region": "eu-west-1" };
      const path = (request.url ?? "").replace("/latest/meta-data/", "");
      const item = path === "autoscaling/target-lifecycle-state" ? state : items[path];
      if (request.method === "PUT") response.end("a-token");
      else response.writeHead(item === undefined ? 404 : 200).end(item);
    });
    const service = await fake(async (request, response) => {
      const action = new URLSearchParams(await textOf(request)).get("Action") ?? "";
      calls.push(action);
      const instance = "<member><InstanceId>i-1</InstanceId><AutoScalingGroupName>g</AutoScalingGroupName></member>";
      const result = action.endsWith("Instances") ? `<AutoScalingInstances>${instance}</AutoScalingInstances>` : "";
      response.end(`<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`);
    });
    const place = freshPlace();
    const env = {
      ...place.env,
      WAYBILL_PLATFORM: "ec2",
      WAYBILL_LIFECYCLE_HOOK: "drain",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata,
      AWS_ENDPOINT_URL_AUTO_SCALING: service,
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "secret",
      // The metadata is asked directly, whatever the environment says of proxies.
      NODE_USE_ENV_PROXY: "1",
      HTTP_PROXY: "http://127.0.0.1:1",
      NO_PROXY: new URL(service).host,
    };
    const worker = start(["worker", "--jobs", jobs, "--drain", "0"], env);
    await until("the boot line", () => linesOf(worker).some(({ event }) => event === "booted"));
    await waybill(["enqueue", "metered.long", "--jobs", jobs], { env: place.env });
    await until("the start", () => linesOf(worker).some(({ event }) => event === "started"));
    state = "Terminated";
    expect((await worker.ended).code).toBe(0);
    expect(linesOf(worker).at(-1)).toMatchObject({ reason: "EC2_AUTO_SCALING", released: 1 });
    expect(calls.filter((action) => action === "CompleteLifecycleAction")).toHaveLength(1);

    const again = start(["worker", "--jobs", jobs], env);
    const { code, stderr } = await again.ended;
    expect(code, stderr).toBe(0);
    expect(linesOf(again).filter(({ event }) => event === "started")).toEqual([]);
    expect(stderr).toContain("the machine is about to end");
  });

  test("kubernetes drains at POST /drain of its own pod, is not ready at once, and responds when it has stopped", async () => {
    const { env } = freshPlace();
    const args = ["--platform", "kubernetes", "--metrics-port", "0", "--metrics-host", "0.0.0.0", "--drain", "2s"];
    const worker = start(["worker", "--jobs", jobs, ...args], env);
    const address = (await probesOf(worker)).replace("0.0.0.0", "127.0.0.1");
    await until("the boot line", () => linesOf(worker).some(({ event }) => event === "booted"));
    await waybill(["enqueue", "metered.long", "--jobs", jobs], { env });
    await until("the start", () => linesOf(worker).some(({ event }) => event === "started"));
    const headers = { "waybill-drain": "1" };
    expect(await probe(address, "/drain", { headers })).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await probe(address, "/drain", { method: "POST" })).toMatchObject({ status: 403 });
    const foreign = { ...headers, host: "evil.example" };
    expect(await probe(address, "/drain", { method: "POST", headers: foreign })).toMatchObject({ status: 403 });
    const other = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === "IPv4" && !one.internal);
    if (other) {
      const outside = address.replace("127.0.0.1", other.address);
      expect(await probe(outside, "/ready")).toMatchObject({ status: 200 });
      expect(await probe(outside, "/drain", { method: "POST", headers })).toMatchObject({ status: 403 });
    }
    expect(await probe(address, "/ready")).toMatchObject({ status: 200 });
    const drained = probe(address, "/drain", { method: "POST", headers });
    await expect.poll(async () => (await probe(address, "/ready")).status, POLL).toBe(503);
    expect(await drained).toMatchObject({ status: 200, body: "stopped\n" });
    expect((await worker.ended).code).toBe(0);
    expect(linesOf(worker).at(-1)).toMatchObject({ reason: "DRAIN", released: 1 });
  });

  test("without it there is no /drain; with it the port is needed, and the hook belongs to ec2", async () => {
    const { env } = freshPlace();
    const worker = start(["worker", "--jobs", jobs, "--metrics-port", "0"], env);
    const address = await probesOf(worker);
    expect((await probe(address, "/drain", { method: "POST", headers: { "waybill-drain": "1" } })).status).toBe(405);
    const kubernetes = await waybill(["worker", "--jobs", jobs, "--platform", "kubernetes"], { env });
    expect(kubernetes.stderr).toContain("--metrics-port");
    const hook = await waybill(["worker", "--jobs", jobs, "--lifecycle-hook", "drain"], { env });
    expect(hook.stderr).toContain("--platform ec2");
    const unknown = await waybill(["worker", "--jobs", jobs, "--platform", "azure"], { env });
    expect(unknown).toMatchObject({ code: 2 });
  });

  test("ecs protects the task while a job runs and releases it at the end", async () => {
    const asked: boolean[] = [];
    const agent = await fake(async (request, response) => {
      const { ProtectionEnabled } = JSON.parse(await textOf(request)) as { ProtectionEnabled: boolean };
      asked.push(ProtectionEnabled);
      response.end(JSON.stringify({ protection: { ProtectionEnabled } }));
    });
    const { env } = freshPlace();
    const worker = start(["worker", "--jobs", jobs, "--drain", "0", "--platform", "ecs"], {
      ...env,
      ECS_AGENT_URI: agent,
    });
    await until("the boot line", () => linesOf(worker).some(({ event }) => event === "booted"));
    await waybill(["enqueue", "metered.long", "--jobs", jobs], { env });
    await expect.poll(() => asked, POLL).toEqual([true]);
    worker.child.kill("SIGTERM");
    expect((await worker.ended).code).toBe(0);
    expect(asked).toEqual([true, false]);
  });
});

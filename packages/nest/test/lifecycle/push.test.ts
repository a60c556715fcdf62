import { setTimeout as sleep } from "node:timers/promises";
import { Body, Controller, Module, Post } from "@nestjs/common";
import { defineJob, DeadLetter, type JobContext, newSecret, type Telemetry } from "@waybill/core";
import { createRelay } from "@waybill/http";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { oddlyWritten, push as post, secret } from "../support/pushed.ts";
import { listening as listeningAs, listeningOn, settled, started, waybill } from "../support/started.ts";

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }), timeout: "10s" });
const feature = WaybillModule.forFeature([greet]);
const endpoint = { push: { keys: secret } };

class Greetings {
  readonly said: string[] = [];
  @JobHandler(greet)
  async say({ name }: { name: string }, { signal }: JobContext): Promise<void> {
    await Promise.resolve();
    if (name === "unknown") throw new DeadLetter("unknown name");
    if (name === "slow") await sleep(100);
    if (name === "forever") {
      await sleep(20_000, null, { signal }).catch(() => this.said.push("forever was aborted"));
      signal.throwIfAborted();
    }
    this.said.push(name);
  }
}

@Controller()
class Echo {
  @Post("work/other")
  other(@Body() body: unknown): unknown {
    return body;
  }
}

describe.each(["express", "fastify"] as const)("on %s", (platform) => {
  const listening = (...given: [Parameters<typeof listeningAs>[0], Parameters<typeof listeningAs>[1]]) =>
    listeningAs(...given, platform);

  test("a pushed job runs in front of Nest's body parsers, signed over the bytes that came", async () => {
    const { app, url } = await listening(endpoint, { imports: [feature], providers: [Greetings] });
    const response = await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }));
    expect([response.status, response.headers.get("waybill-outcome")]).toEqual([200, "completed"]);
    expect(app.get(Greetings).said).toEqual(["Ada"]);
    const dead = await post(`${url}/work`, oddlyWritten("greet", { name: "unknown" }));
    expect([dead.status, dead.headers.get("waybill-outcome")]).toEqual([422, "dead"]);
    const forged = await post(`${url}/work`, oddlyWritten("greet", { name: "Eve" }), { "webhook-id": "another" });
    expect(forged.status).toBe(403);
    expect(app.get(Greetings).said).toEqual(["Ada"]);
  });

  test("the telemetry of the connection gets pushed jobs too", async () => {
    const heard: string[] = [];
    const telemetry: Telemetry = {
      send: () => ({ trace: null, end() {} }),
      process({ from, type }) {
        heard.push(`${type} by ${from.name}`);
        return { within: (work) => work(), end() {} };
      },
      settled() {},
    };
    const { url } = await listening({ ...endpoint, telemetry }, { imports: [feature], providers: [Greetings] });
    await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }));
    expect(heard).toEqual(["greet by native"]);
  });

  test("a job that no producer signed is run neither by a worker nor by a push that require signatures", async () => {
    const worker = { signatures: "required", keys: newSecret() } as const;
    const push = { keys: secret, signatures: "required", producerKeys: newSecret() } as const;
    const { app, url } = await listening({ worker, push }, { imports: [feature], providers: [Greetings] });
    const jobs = app.get(JobQueue);
    const codes: unknown[] = [];
    jobs.events.on("settled", ({ reason }) => codes.push(reason?.code));
    await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }));
    const pulled = settled(app, 1);
    await jobs.enqueue(greet, { name: "Ada" });
    await pulled;
    expect(codes).toEqual(["SIGNATURE_INVALID", "SIGNATURE_INVALID"]);
    expect(app.get(Greetings).said).toEqual([]);
  });

  test("all other requests reach the controllers, their bodies parsed, under a global prefix too", async () => {
    @Module({
      imports: [waybill({ push: { keys: secret, path: "/jobs/run" } }), feature],
      providers: [Greetings],
      controllers: [Echo],
    })
    class AppModule {}
    const { url } = await listeningOn(platform, AppModule, (app) => void app.setGlobalPrefix("api"));
    const headers = { "content-type": "application/json" };
    const echoed = await fetch(`${url}/api/work/other`, { method: "POST", headers, body: '{"a":1}' });
    expect([echoed.status, await echoed.json()]).toEqual([201, { a: 1 }]);
    expect((await post(`${url}/jobs/run`, oddlyWritten("greet", { name: "Ada" }))).status).toBe(200);
    for (const method of ["GET", "HEAD"]) {
      const { status, headers: said } = await fetch(`${url}/jobs/run`, { method });
      expect([status, said.get("allow")]).toEqual([405, "POST"]);
      expect((await fetch(`${url}/jobs`, { method })).status).toBe(404);
    }
  });

  test("pulled and pushed, a job causes the same events", async () => {
    const { app, url } = await listening({ ...endpoint, worker: {} }, { imports: [feature], providers: [Greetings] });
    const { events } = app.get(JobQueue);
    const seen: string[] = [];
    for (const name of ["started", "finished", "settled"] as const) {
      events.on(name, (event) => {
        const outcome = "outcome" in event ? event.outcome : "";
        seen.push(`${name} ${event.type} ${event.queue} ${event.attempt} ${event.lost} ${event.releases} ${outcome}`);
      });
    }
    for (const name of ["Ada", "unknown"]) {
      const pulled = settled(app, 1);
      await app.get(JobQueue).enqueue(greet, { name });
      await pulled;
    }
    const byPull = seen.splice(0);
    for (const name of ["Ada", "unknown"]) await post(`${url}/work`, oddlyWritten("greet", { name }));
    expect(byPull).toHaveLength(6);
    expect(seen).toEqual(byPull);
  });

  test("at shutdown a pushed job finishes, and its sender gets the response", async () => {
    const { app, url } = await listening(endpoint, { imports: [feature], providers: [Greetings] });
    const begun = new Promise((resolve) => app.get(JobQueue).events.on("started", resolve));
    const response = post(`${url}/work`, oddlyWritten("greet", { name: "slow" }));
    await begun;
    await app.close();
    expect((await response).status).toBe(200);
    expect(app.get(Greetings).said).toEqual(["slow"]);
  });

  test("a relay works beside the receiver, and the jobs that it stores are pulled", async () => {
    const { app, url } = await listening(
      { ...endpoint, worker: {}, endpoints: (jobs) => [createRelay({ to: jobs, keys: secret, path: "/relay" })] },
      { imports: [feature], providers: [Greetings] },
    );
    const pulled = settled(app, 1);
    const response = await post(`${url}/relay`, oddlyWritten("greet", { name: "Ada" }));
    expect(response.status).toBe(200);
    await pulled;
    expect(app.get(Greetings).said).toEqual(["Ada"]);
  });

  test("a large body and one of any content type reach no parser of the platform, and the endpoint's own limit applies", async () => {
    const { app, url } = await listening(endpoint, { imports: [feature], providers: [Greetings] });
    const large = "x".repeat(1_040_000);
    expect((await post(`${url}/work`, oddlyWritten("greet", { name: large }))).status).toBe(200);
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "image/png",
      "nonsense",
    ]) {
      const response = await post(`${url}/work`, oddlyWritten("greet", { name: type }), { "content-type": type });
      expect([type, response.status]).toEqual([type, 200]);
    }
    expect(app.get(Greetings).said).toHaveLength(6);
    expect((await post(`${url}/work`, oddlyWritten("greet", { name: "x".repeat(2_100_000) }))).status).toBe(413);
  });

  test("a sender that disconnects aborts its job, and the application continues", async () => {
    const { app, url } = await listening(endpoint, { imports: [feature], providers: [Greetings] });
    const { events } = app.get(JobQueue);
    const begun = new Promise((resolve) => events.on("started", resolve));
    const gone = new AbortController();
    const response = post(`${url}/work`, oddlyWritten("greet", { name: "forever" }), {}, gone.signal);
    await begun;
    gone.abort();
    await expect(response).rejects.toThrow("aborted");
    await vi.waitFor(() => expect(app.get(Greetings).said).toEqual(["forever was aborted"]));
    expect((await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }))).status).toBe(200);
  });
});

test("a receiver in an application without HTTP does not start", async () => {
  const app = started(endpoint, { imports: [feature], providers: [Greetings] });
  await expect(app).rejects.toThrow(
    /`push` is set, but this application serves no HTTP; make it with NestFactory\.create/,
  );
});

test("an application does not start with a job that has limits, if it can be pushed there", async () => {
  const limited = defineJob({ type: "limited", limits: [{ key: "api", rate: "1/1s" }], handler() {} });
  const refusal = { code: "CAPABILITY_MISSING", message: expect.stringContaining('job "limited" has limits') };
  await expect(listeningAs({ ...endpoint, jobs: [limited] }, {})).rejects.toMatchObject(refusal);
  await started({ worker: {}, jobs: [limited] });
});

import { setTimeout as sleep } from "node:timers/promises";
import { Body, Controller, Module, Post } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { defineJob, Discard, newSecret, type Telemetry } from "@waybill/core";
import { createRelay } from "@waybill/http";
import { expect, test } from "vitest";
import { z } from "zod";
import { JobHandler, JobQueue, WaybillModule } from "../src/index.ts";
import { oddlyWritten, push as post, secret } from "./pushed.ts";
import { listening, settled, started, waybill } from "./started.ts";

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }), timeout: "10s" });
const feature = WaybillModule.forFeature([greet]);
const door = { push: { keys: secret } };

class Greetings {
  readonly said: string[] = [];
  @JobHandler(greet)
  async say({ name }: { name: string }): Promise<void> {
    await Promise.resolve();
    if (name === "nobody") throw new Discard("there is nobody");
    if (name === "slow") await sleep(100);
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

test("a pushed job runs in front of Nest's body parsers, signed over the bytes that came", async () => {
  const { app, url } = await listening(door, { imports: [feature], providers: [Greetings] });
  const answer = await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }));
  expect([answer.status, answer.headers.get("waybill-outcome")]).toEqual([200, "completed"]);
  expect(app.get(Greetings).said).toEqual(["Ada"]);
  const dead = await post(`${url}/work`, oddlyWritten("greet", { name: "nobody" }));
  expect([dead.status, dead.headers.get("waybill-outcome")]).toEqual([422, "dead"]);
  const forged = await post(`${url}/work`, oddlyWritten("greet", { name: "Eve" }), { "webhook-id": "another" });
  expect(forged.status).toBe(403);
  expect(app.get(Greetings).said).toEqual(["Ada"]);
});

test("the telemetry of the connection hears of pushed jobs too", async () => {
  const heard: string[] = [];
  const telemetry: Telemetry = {
    send: () => ({ trace: null, end() {} }),
    process({ from, type }) {
      heard.push(`${type} by ${from.name}`);
      return { within: (work) => work(), end() {} };
    },
    settled() {},
  };
  const { url } = await listening({ ...door, telemetry }, { imports: [feature], providers: [Greetings] });
  await post(`${url}/work`, oddlyWritten("greet", { name: "Ada" }));
  expect(heard).toEqual(["greet by native"]);
});

test("a job that no producer signed is run neither by a worker nor by a push that want one", async () => {
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
  const app = await NestFactory.create(AppModule, { logger: false });
  app.setGlobalPrefix("api");
  await app.listen(0, "127.0.0.1");
  const url = await app.getUrl();
  const headers = { "content-type": "application/json" };
  const echoed = await fetch(`${url}/api/work/other`, { method: "POST", headers, body: '{"a":1}' });
  expect([echoed.status, await echoed.json()]).toEqual([201, { a: 1 }]);
  expect((await post(`${url}/jobs/run`, oddlyWritten("greet", { name: "Ada" }))).status).toBe(200);
  await app.close();
});

test("pulled and pushed, a job meets the same events", async () => {
  const { app, url } = await listening({ ...door, worker: {} }, { imports: [feature], providers: [Greetings] });
  const { events } = app.get(JobQueue);
  const seen: string[] = [];
  for (const name of ["started", "finished", "settled"] as const) {
    events.on(name, (event) => {
      const outcome = "outcome" in event ? event.outcome : "";
      seen.push(`${name} ${event.type} ${event.queue} ${event.attempt} ${event.lost} ${event.releases} ${outcome}`);
    });
  }
  for (const name of ["Ada", "nobody"]) {
    const pulled = settled(app, 1);
    await app.get(JobQueue).enqueue(greet, { name });
    await pulled;
  }
  const byPull = seen.splice(0);
  for (const name of ["Ada", "nobody"]) await post(`${url}/work`, oddlyWritten("greet", { name }));
  expect(byPull).toHaveLength(6);
  expect(seen).toEqual(byPull);
});

test("at shutdown a pushed job finishes, and its sender gets its answer", async () => {
  const { app, url } = await listening(door, { imports: [feature], providers: [Greetings] });
  const begun = new Promise((resolve) => app.get(JobQueue).events.on("started", resolve));
  const answer = post(`${url}/work`, oddlyWritten("greet", { name: "slow" }));
  await begun;
  await app.close();
  expect((await answer).status).toBe(200);
  expect(app.get(Greetings).said).toEqual(["slow"]);
});

test("a relay stands beside the receiver, and what it stores is pulled", async () => {
  const { app, url } = await listening(
    { ...door, worker: {}, doors: (jobs) => [createRelay({ to: jobs, keys: secret, path: "/relay" })] },
    { imports: [feature], providers: [Greetings] },
  );
  const pulled = settled(app, 1);
  const answer = await post(`${url}/relay`, oddlyWritten("greet", { name: "Ada" }));
  expect(answer.status).toBe(200);
  await pulled;
  expect(app.get(Greetings).said).toEqual(["Ada"]);
});

test("a receiver in an application without HTTP does not start", async () => {
  const app = started(door, { imports: [feature], providers: [Greetings] });
  await expect(app).rejects.toThrow(
    /`push` is set, but this application serves no HTTP; make it with NestFactory\.create/,
  );
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type EventName, type Jobs, type WaybillEvents, type Worker } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, type TestContext, test } from "vitest";
import { frailStep, ranIn } from "./children/frail-step.ts";

const queue = "frail";

/** Classic queues of RabbitMQ do not count the deliveries that a dead worker has left. The stores do. */
const urls: Readonly<Record<string, (name: string, folder: string) => Promise<string>>> = {
  "classic queues of RabbitMQ": async (name) => `${await serviceUrl("rabbitmq")}?prefix=${name}&queueType=classic`,
  PostgreSQL: async (name) => `${await serviceUrl("postgres")}?schema=${name}`,
  Redis: async (name) => `${await serviceUrl("redis")}?prefix=${name}`,
  SQLite: async (_name, folder) => `sqlite:${join(folder, "jobs.db")}`,
};

const next = <N extends EventName>(
  jobs: Jobs,
  name: N,
  isMeant: (event: WaybillEvents[N]) => boolean = () => true,
): Promise<WaybillEvents[N]> =>
  new Promise((resolve) => jobs.events.on(name, (event) => void (isMeant(event) && resolve(event))));

/** A flow of a member that fails and one that comes after it, and what kills its workers. */
async function frailFlow(backend: string, { onTestFinished }: TestContext) {
  const name = `settles${crypto.randomUUID().slice(0, 8)}`;
  const folder = await mkdtemp(join(tmpdir(), "waybill-settles-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const url = (await urls[backend]?.(name, folder)) ?? "";
  const ledger = backend !== "classic queues of RabbitMQ" ? "" : `sqlite:${join(folder, "ledger.db")}`;
  const jobs = await connect(url, { log: "off", ...(ledger !== "" && { ledger }) });
  onTestFinished(() => jobs.close());
  const flow = jobs.flow("album");
  const first = flow.add(frailStep, { folder, name: "first" }, { queue });
  flow.add(frailStep, { folder, name: "second" }, { queue, after: first });
  await flow.start();
  return {
    jobs,
    folder,
    /** Runs a worker that kills itself there. */
    async killed(dies: "leased" | "ended" | "settled"): Promise<void> {
      const flags = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning"];
      const program = join(import.meta.dirname, "children/dies-at-settle.ts");
      const child = spawn(process.execPath, [...flags, program, url, ledger, queue, dies], { stdio: "inherit" });
      onTestFinished(() => void child.kill("SIGKILL"));
      expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
    },
    async worker(): Promise<Worker> {
      const worker = jobs.worker({ jobs: [frailStep], queues: [queue], lease: "1s" });
      await worker.start();
      return worker;
    },
    async replay(): Promise<void> {
      await writeFile(join(folder, "mended"), "");
      expect(await jobs.inspector?.replay({ ids: [first.id] })).toBe(1);
    },
  };
}

describe.concurrent("a member that dies", { timeout: 60_000 }, () => {
  test.for(Object.keys(urls))(
    "on %s is not run again when its worker is killed before the dead letter is stored, and a replay runs though it loses a worker",
    async (backend, context) => {
      const { jobs, folder, killed, worker, replay } = await frailFlow(backend, context);
      await killed("ended");
      const dead = next(jobs, "settled", ({ outcome }) => outcome === "dead");
      const settling = await worker();
      expect(await dead).toMatchObject({ kept: true, reason: { code: "ATTEMPTS_EXHAUSTED" } });
      await settling.stop();
      expect(ranIn(folder)).toEqual(["first"]);
      await replay();
      await killed("leased");
      const ended = next(jobs, "flow_ended");
      await worker();
      expect(await ended).toMatchObject({ state: "completed" });
      expect(ranIn(folder)).toEqual(["first", "first", "second"]);
    },
  );

  test("is run by a replay when its worker was killed as soon as the dead letter was stored", async (context) => {
    const [backend = ""] = Object.keys(urls);
    const { jobs, folder, killed, worker, replay } = await frailFlow(backend, context);
    await killed("settled");
    await replay();
    const ended = next(jobs, "flow_ended");
    await worker();
    expect(await ended).toMatchObject({ state: "completed" });
    expect(ranIn(folder)).toEqual(["first", "first", "second"]);
  });
});

/** Uses the connections of a `connect` option while they fail. Prints unexpected errors. Ends by itself if nothing is left open. */
import { connect, defineJob, isWaybillError } from "@waybill/core";
import { rabbitmqBackend } from "@waybill/rabbitmq";
import { type ChannelModel, connect as dial } from "amqplib";

const [url = "", prefix = ""] = process.argv.slice(2);

interface Strikes {
  /** Stands in for the user's `connect` once it is set. */
  now: (() => unknown) | null;
}

function closeAll(models: readonly ChannelModel[]): Promise<unknown> {
  return Promise.allSettled(models.map(async (model) => model.close()));
}

function destroyAll(models: readonly ChannelModel[]): void {
  for (const { connection } of models)
    (connection as unknown as { stream: { destroy(error: Error): void } }).stream.destroy(new Error("lost"));
}

const again =
  (now: () => unknown) =>
  (models: readonly ChannelModel[], strikes: Strikes): void => {
    strikes.now = now;
    destroyAll(models);
  };

const MOMENTS: Readonly<Record<string, (models: readonly ChannelModel[], strikes: Strikes) => unknown>> = {
  "throws at once": again(() => {
    throw new Error("the owner's mistake");
  }),
  "rejects with nothing": again(() => Promise.reject(undefined as never)),
  "returns no connection": again(() => Promise.resolve({ on: () => undefined })),
  "settles after our close": again(() => new Promise((_, reject) => setTimeout(reject, 1_500))),
  "emits an error": (models) => models.map((model) => model.emit("error", new Error("of the owner's"))),
  "loses its sockets": destroyAll,
  "is closed by its owner": closeAll,
  "is closed by its owner twice": (models) => Promise.all([closeAll(models), closeAll(models)]),
};

async function survive([moment, strike]: [string, (typeof MOMENTS)[string]], at: number): Promise<object> {
  const job = defineJob({ type: "count.one", queue: `q${at}`, handler: () => undefined });
  const strikes: Strikes = { now: null };
  const models: ChannelModel[] = [];
  const theirs = async (heartbeat: number): Promise<ChannelModel> => {
    const model = await dial(`${url}?heartbeat=${heartbeat}`);
    models.push(model);
    return model;
  };
  const backend = rabbitmqBackend({
    prefix,
    connect: (heartbeat) => (strikes.now ? (strikes.now() as Promise<ChannelModel>) : theirs(heartbeat)),
  });
  const jobs = await connect(backend, { log: "off", enqueueTimeout: 2_000, closeTimeout: 500 });
  const worker = jobs.worker({ queues: [`q${at}`], jobs: [job], shutdown: { drain: 500, abort: 100, close: 500 } });
  const ran = new Promise((resolve) => jobs.events.on("settled", resolve));
  await worker.start();
  await jobs.enqueue(job, {});
  await ran;
  const calls = Array.from({ length: 5 }, () => jobs.enqueue(job, {}));
  const struck = strike([...models], strikes);
  calls.push(...Array.from({ length: 5 }, () => jobs.enqueue(job, {})));
  const said = await Promise.allSettled(calls);
  await struck;
  await jobs.close();
  const strange = said.flatMap((one) => (one.status === "rejected" && !isWaybillError(one.reason) ? [one.reason] : []));
  return { moment, strange };
}

const survived = await Promise.all(Object.entries(MOMENTS).map(survive));
console.log(JSON.stringify(survived));

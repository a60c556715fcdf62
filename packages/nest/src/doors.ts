import type { OnApplicationBootstrap, OnModuleDestroy, OnModuleInit } from "@nestjs/common";
import type { Jobs, Worker } from "@waybill/core";
import { createReceiver, type Receiver } from "@waybill/http";
import type { Handlers } from "./handlers.ts";
import type { HttpMount } from "./http-mount.ts";
import type { WaybillOptions } from "./options.ts";
import { refuse } from "./refuse.ts";
import { hurriedBySignals, warnOfDeafness } from "./shutdown-signals.ts";

/** By which jobs come into this process. Opened once the whole application is up, closed before anything of it goes down. */
export class Doors implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #options: WaybillOptions;
  readonly #connection: Jobs;
  readonly #handlers: Handlers;
  readonly #mount: HttpMount;
  worker: Worker | null = null;
  receiver: Receiver | null = null;
  #stopLooking = (): void => {};

  constructor(options: WaybillOptions, connection: Jobs, handlers: Handlers, mount: HttpMount) {
    this.#options = options;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#mount = mount;
  }

  /** What is put together wrongly is said by every process, also by one that opens no door. */
  onModuleInit(): void {
    const options = this.#options;
    const jobs = this.#handlers.find();
    for (const option of ["push", "doors"] as const) if (options[option]) this.#mount.demand(option);
    for (const option of ["worker", "push"] as const) {
      if (!options[option] || jobs.length > 0) continue;
      throw refuse(
        `\`${option}\` is set, but no provider of the application has a @JobHandler; add one, or leave \`${option}\` out`,
      );
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const connection = this.#connection;
    const { worker, push, doors, middleware = [], telemetry } = this.#options;
    const what = { jobs: this.#handlers.jobs, middleware };
    if (worker) this.worker = connection.worker({ ...worker, ...what });
    if (push) {
      const { shutdown: _, ...rest } = push;
      // The connection's log hears it all.
      const heard = { events: connection.events, log: "off", ...(telemetry && { telemetry }) } as const;
      this.receiver = createReceiver({ ...rest, ...what, ...heard });
    }
    this.#mount.open([...(this.receiver ? [this.receiver] : []), ...(doors?.(connection) ?? [])]);
    await this.worker?.start();
    if (this.worker) this.#endWith(this.worker);
    if (this.worker || this.receiver) this.#stopLooking = warnOfDeafness();
  }

  /** A worker past its memory limit has ended; so does its process, that a fresh one may be started. */
  #endWith({ id }: Worker): void {
    this.#connection.events.on("stopped", ({ worker, reason }) => {
      if (worker === id && reason === "MEMORY") process.kill(process.pid, "SIGTERM");
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopLooking();
    const stop = (): Promise<unknown> => Promise.all([this.worker?.stop("close"), this.#stopReceiver()]);
    await hurriedBySignals(stop(), () => void stop());
  }

  async #stopReceiver(): Promise<void> {
    await this.receiver?.stop({ ...this.#options.push?.shutdown, reason: "close" });
  }
}

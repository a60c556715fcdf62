import type { OnApplicationBootstrap, OnModuleDestroy, OnModuleInit } from "@nestjs/common";
import type { Jobs, Worker } from "@waybill/core";
import { assertGuardOptions } from "@waybill/core/backend";
import { createReceiver, type Receiver } from "@waybill/http";
import { configError } from "../config-error.ts";
import type { Handlers } from "../handlers/handlers.ts";
import type { WaybillOptions } from "../options.ts";
import type { HttpMount } from "./http-mount.ts";
import { forceOnSecondSignal, warnWithoutShutdownHooks } from "./shutdown-signals.ts";

const KEYS_NEEDED = 'Give "whsec_" secrets, to tests too, or "unsigned"; `waybill keys` makes one';

/** Starts the worker and the endpoints once the whole application is up, and stops them before anything of it goes down. */
export class Lifecycle implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #options: WaybillOptions;
  readonly #connection: Jobs;
  readonly #handlers: Handlers;
  readonly #mount: HttpMount;
  /** Null if this process has none. */
  worker: Worker | null = null;
  /** Null if this process has none. */
  receiver: Receiver | null = null;
  #cancelCheck = (): void => {};

  constructor(options: WaybillOptions, connection: Jobs, handlers: Handlers, mount: HttpMount) {
    this.#options = options;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#mount = mount;
  }

  /** Finds the handlers. Throws `CONFIG_INVALID` for a wrong composition, in processes without a worker as well. */
  onModuleInit(): void {
    const options = this.#options;
    const jobs = this.#handlers.find();
    for (const option of ["push", "endpoints"] as const) if (options[option]) this.#mount.assertHttp(option);
    for (const option of ["worker", "push"] as const) {
      if (!options[option] || jobs.length > 0) continue;
      throw configError(
        `\`${option}\` is set, but no provider of the application has a @JobHandler; add one, or leave \`${option}\` out`,
      );
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    const connection = this.#connection;
    const { worker, push, endpoints, middleware = [], telemetry } = this.#options;
    const common = { jobs: this.#handlers.jobs, middleware };
    if (worker) {
      const schedules = [...(worker.schedules ?? []), ...this.#handlers.schedules];
      this.worker = connection.worker({ ...worker, ...common, schedules });
    }
    if (push) {
      const { shutdown: _, ...rest } = push;
      if ("keys" in push) assertGuardOptions(push, ["keys"], "`push` of WaybillModule.forRoot", KEYS_NEEDED);
      // The connection writes the log for both.
      const observed = { events: connection.events, log: "off", ...(telemetry && { telemetry }) } as const;
      this.receiver = createReceiver({ ...rest, ...common, ...observed });
    }
    this.#mount.open([...(this.receiver ? [this.receiver] : []), ...(endpoints?.(connection) ?? [])]);
    await this.worker?.start();
    if (this.worker) this.#endProcessAfter(this.worker);
    if (this.worker || this.receiver) this.#cancelCheck = warnWithoutShutdownHooks();
  }

  /** A worker past its memory limit has stopped. Ends its process as well, so that a platform starts a new one. */
  #endProcessAfter({ id }: Worker): void {
    this.#connection.events.on("stopped", ({ worker, reason }) => {
      if (worker === id && reason === "MEMORY") process.kill(process.pid, "SIGTERM");
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.#cancelCheck();
    const stop = (): Promise<unknown> => Promise.all([this.worker?.stop("close"), this.#stopReceiver()]);
    await forceOnSecondSignal(stop(), () => void stop());
  }

  async #stopReceiver(): Promise<void> {
    await this.receiver?.stop({ ...this.#options.push?.shutdown, reason: "close" });
  }
}

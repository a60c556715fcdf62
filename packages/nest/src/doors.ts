import type { OnApplicationBootstrap, OnModuleDestroy, OnModuleInit } from "@nestjs/common";
import type { DiscoveryService } from "@nestjs/core";
import type { JobDefinition, Jobs, Worker } from "@waybill/core";
import { jobsWithHandlers } from "./handlers.ts";
import type { WaybillOptions } from "./options.ts";
import { refuse } from "./refuse.ts";
import { type RegisteredJob } from "./registered.ts";

/** By which jobs come into this process. Opened once the whole application is up, closed before anything of it goes down. */
export class Doors implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #options: WaybillOptions;
  readonly #connection: Jobs;
  readonly #registered: ReadonlyMap<string, RegisteredJob>;
  readonly #discovery: DiscoveryService;
  #jobs: readonly JobDefinition[] = [];
  worker: Worker | null = null;

  constructor(
    options: WaybillOptions,
    connection: Jobs,
    registered: ReadonlyMap<string, RegisteredJob>,
    discovery: DiscoveryService,
  ) {
    this.#options = options;
    this.#connection = connection;
    this.#registered = registered;
    this.#discovery = discovery;
  }

  /** What is put together wrongly is said by every process, also by one that opens no door. */
  onModuleInit(): void {
    const { worker, middleware = [] } = this.#options;
    this.#jobs = jobsWithHandlers(this.#registered, this.#discovery);
    if (!worker) return;
    if (this.#jobs.length === 0) {
      throw refuse(
        "`worker` is set, but no provider of the application has a @JobHandler; add one, or leave `worker` out",
      );
    }
    this.worker = this.#connection.worker({ ...worker, jobs: this.#jobs, middleware });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.worker?.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.worker?.stop("close");
  }
}

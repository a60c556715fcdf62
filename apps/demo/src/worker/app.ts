import { type DynamicModule, Module, type OnApplicationShutdown, type OnModuleInit } from "@nestjs/common";
import { JobQueue, WaybillModule } from "@waybill/nest";
import { type DemoFiles, demoFiles } from "../album.ts";
import { definitions } from "../jobs.ts";
import { leaseMs } from "../lease.ts";
import type { Ledger } from "../ledger.ts";
import type { Accepted } from "../records.ts";
import type { Settings } from "../settings.ts";
import { AlbumHandlers } from "../handlers/album-handlers.ts";
import { followUps } from "../handlers/follow-ups.ts";
import { announce } from "./announce.ts";
import { type Posting, startPosting } from "./post.ts";
import type { Spool } from "./spool.ts";

/** What the worker process opens before it creates the application. */
export interface WorkerParts {
  readonly settings: Settings;
  readonly ledger: Ledger<Accepted>;
  readonly spool: Spool;
  readonly concurrency: number;
}

/** Posts this worker's events to the web process, from the first job to the last. */
class Reporter implements OnModuleInit, OnApplicationShutdown {
  readonly #jobs: JobQueue;
  readonly #parts: WorkerParts;
  #posting: Posting | null = null;

  constructor(jobs: JobQueue, parts: WorkerParts) {
    this.#jobs = jobs;
    this.#parts = parts;
  }

  onModuleInit(): void {
    announce(this.#jobs.events, this.#parts.spool);
    this.#posting = startPosting(this.#parts.spool, this.#parts.settings.webUrl);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#posting?.stop(2_000);
    await this.#parts.ledger.close();
  }
}

/** The worker as a Nest application without HTTP. Leasing starts last at start and stops first at shutdown. */
@Module({})
export class WorkerApp {
  static with(parts: WorkerParts): DynamicModule {
    const { settings, ledger, concurrency } = parts;
    const files: DemoFiles = demoFiles(settings.folder);
    const handlers = (jobs: JobQueue): AlbumHandlers =>
      new AlbumHandlers(files, settings.mailbox, followUps(jobs, files, ledger.append));
    return {
      module: WorkerApp,
      imports: [
        WaybillModule.forRoot({
          url: settings.backendUrl,
          jobs: definitions,
          role: "worker",
          ...settings.kept,
          worker: { queues: ["media", "mailers"], concurrency, lease: leaseMs },
        }),
      ],
      providers: [
        { provide: AlbumHandlers, inject: [JobQueue], useFactory: handlers },
        { provide: Reporter, inject: [JobQueue], useFactory: (jobs: JobQueue) => new Reporter(jobs, parts) },
      ],
    };
  }
}

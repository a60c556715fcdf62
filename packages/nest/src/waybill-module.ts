import { type DynamicModule, type FactoryProvider, Module } from "@nestjs/common";
import type { JobDefinition } from "@waybill/core";
import { ConnectionModule, OPTIONS } from "./connection-module.ts";
import { DoorsModule } from "./doors-module.ts";
import type { Enhancers } from "./enhancers.ts";
import { JobQueue, queueOf, queueToken } from "./job-queue.ts";
import { checkOptions, type WaybillOptions } from "./options.ts";
import { refuse } from "./refuse.ts";
import { FEATURE, type Feature } from "./registered.ts";

/** How the options of `forRoot` are made when the application starts. */
export interface WaybillAsyncOptions extends Pick<FactoryProvider<WaybillOptions>, "useFactory" | "inject"> {
  /** Modules that provide what `inject` names. */
  readonly imports?: DynamicModule["imports"];
}

/** What goes for the jobs of one module. */
export interface FeatureOptions {
  /** Which of Nest's enhancers run for these jobs. Absent: as `forRoot` says. */
  readonly enhancers?: Enhancers;
}

/**
 * Jobs in a Nest application. `forRoot` once, in the root module; `forFeature` in each module that enqueues or
 * handles jobs.
 */
export class WaybillModule {
  /** Connects when the application starts. Throws `CONFIG_INVALID` for an option that does not exist. */
  static forRoot(options: WaybillOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  /** The same, with options from a factory. The factory gets what Nest injects. */
  static forRootAsync({ useFactory, inject = [], imports = [] }: WaybillAsyncOptions): DynamicModule {
    const options = {
      provide: OPTIONS,
      inject,
      useFactory: async (...given: unknown[]) => checkOptions(await useFactory(...given)),
    };
    return { module: WaybillModule, imports: [ConnectionModule.around(options, imports), DoorsModule.dynamic] };
  }

  /** Makes jobs known to a module. It gets their queues for `@InjectJob`. */
  static forFeature(jobs: readonly JobDefinition[], options: FeatureOptions = {}): DynamicModule {
    const feature: Feature = { jobs, ...options };
    const queues = jobs.map((definition) => ({
      provide: queueToken(definition),
      inject: [{ token: JobQueue, optional: true }],
      useFactory: (queue?: JobQueue) => {
        if (queue) return queueOf(queue, definition);
        throw refuse("WaybillModule.forFeature needs WaybillModule.forRoot({ url }) in the root module");
      },
    }));
    return {
      module: WaybillModule,
      providers: [{ provide: FEATURE, useValue: feature }, ...queues],
      exports: queues.map(({ provide }) => provide),
    };
  }
}
Module({})(WaybillModule);

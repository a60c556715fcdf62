import { type DynamicModule, type FactoryProvider, Module } from "@nestjs/common";
import type { JobDefinition } from "@waybill/core";
import { assertKnownOptions, describeValue } from "@waybill/core/backend";
import { ConnectionModule, OPTIONS } from "./connection/connection-module.ts";
import { LifecycleModule } from "./lifecycle/lifecycle-module.ts";
import type { Enhancers } from "./handlers/enhancers.ts";
import { JobQueue, queueOf, queueToken } from "./connection/job-queue.ts";
import { checkOptions, type WaybillOptions } from "./options.ts";
import { assertDefined, configError } from "./config-error.ts";
import { FEATURE, type Feature } from "./handlers/registered-jobs.ts";

/** A factory for the options of `forRoot`, called when the application starts. */
export interface WaybillAsyncOptions extends Pick<FactoryProvider<WaybillOptions>, "useFactory" | "inject"> {
  /** Modules that provide what `inject` names. */
  readonly imports?: DynamicModule["imports"] | undefined;
}

/** Options for the jobs of one module. */
export interface FeatureOptions {
  /** Which of Nest's enhancers run for these jobs. Omitted: those of `forRoot`. */
  readonly enhancers?: Enhancers | undefined;
}

/**
 * Adds jobs to a Nest application. Import `forRoot` once, in the root module, and `forFeature` in each module that enqueues
 * or handles jobs.
 */
export class WaybillModule {
  /** Connects when the application starts, which throws `CONFIG_INVALID` for an option that does not exist. */
  static forRoot(options: WaybillOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  /** As `forRoot`, with options from a factory, which gets the providers of `inject`. Throws `CONFIG_INVALID` for any other option. */
  static forRootAsync(given: WaybillAsyncOptions): DynamicModule {
    const of = "the options of WaybillModule.forRootAsync";
    assertKnownOptions(given, { useFactory: true, inject: true, imports: true }, of);
    const { useFactory, inject = [], imports = [] } = given;
    if (typeof useFactory !== "function") {
      throw configError(`useFactory in ${of} is ${describeValue(useFactory)}: pass a function that returns { url, … }`);
    }
    const options = {
      provide: OPTIONS,
      inject,
      useFactory: async (...injected: unknown[]) => checkOptions(await useFactory(...injected)),
    };
    return { module: WaybillModule, imports: [ConnectionModule.around(options, imports), LifecycleModule.dynamic] };
  }

  /** Registers definitions and provides their queues for `@InjectJob` in this module. Throws `CONFIG_INVALID`. */
  static forFeature(jobs: readonly JobDefinition[], options: FeatureOptions = {}): DynamicModule {
    if (!Array.isArray(jobs)) {
      throw configError(
        `WaybillModule.forFeature got ${describeValue(jobs)}: pass a list of definitions, such as [sendReceipt]`,
      );
    }
    for (const [at, job] of jobs.entries()) assertDefined(job, `WaybillModule.forFeature got [${at}], which`);
    assertKnownOptions(options, { enhancers: true }, "the options of WaybillModule.forFeature");
    const feature: Feature = { jobs, ...options };
    const queues = jobs.map((definition) => ({
      provide: queueToken(definition),
      inject: [{ token: JobQueue, optional: true }],
      useFactory: (queue?: JobQueue) => {
        if (queue) return queueOf(queue, definition);
        throw configError("WaybillModule.forFeature needs WaybillModule.forRoot({ url }) in the root module");
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

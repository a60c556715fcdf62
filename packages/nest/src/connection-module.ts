import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { DiscoveryModule, DiscoveryService, ExternalContextCreator, ModulesContainer } from "@nestjs/core";
import { connect, type ConnectOptions, type Jobs } from "@waybill/core";
import { Handlers } from "./handlers.ts";
import { JobQueue } from "./job-queue.ts";
import type { WaybillOptions } from "./options.ts";
import { refuse } from "./refuse.ts";
import { type Registered, registeredJobs } from "./registered.ts";

export const OPTIONS: unique symbol = Symbol("waybill.options");
export const CONNECTION: unique symbol = Symbol("waybill.connection");
export const REGISTERED: unique symbol = Symbol("waybill.registered");
const CLOSING: unique symbol = Symbol("waybill.closing");

/**
 * The connection, and with it every producer. Nest begins with global modules and ends with them: providers may enqueue
 * from their first hook to their last.
 */
export class ConnectionModule {
  static around(options: Provider, imports: DynamicModule["imports"] = []): DynamicModule {
    return {
      module: ConnectionModule,
      global: true,
      imports: [DiscoveryModule, ...imports],
      providers: [options, registered, handlers, connection, { provide: JobQueue, useExisting: CONNECTION }, closing],
      exports: [OPTIONS, Handlers, CONNECTION, JobQueue],
    };
  }
}
// No decorator syntax, so that Node runs these sources as they are.
Module({})(ConnectionModule);

const registered: Provider = {
  provide: REGISTERED,
  inject: [OPTIONS, DiscoveryService],
  useFactory: (options: WaybillOptions, discovery: DiscoveryService) => {
    const connections = discovery.getProviders().filter(({ token }) => token === CONNECTION);
    if (connections.length > 1) {
      throw refuse(
        "WaybillModule.forRoot is imported more than once; an application has one connection. " +
          "Import it in the root module alone, and run jobs of a second backend in a process of their own",
      );
    }
    return registeredJobs(
      { jobs: options.jobs ?? [], ...(options.enhancers !== undefined && { enhancers: options.enhancers }) },
      discovery,
    );
  },
};

const handlers: Provider = {
  provide: Handlers,
  inject: [REGISTERED, DiscoveryService, ExternalContextCreator, ModulesContainer],
  useFactory: (...given: ConstructorParameters<typeof Handlers>) => new Handlers(...given),
};

const connection: Provider = {
  provide: CONNECTION,
  inject: [OPTIONS, REGISTERED],
  useFactory: (options: WaybillOptions, byType: Registered) => connect(options.url, connectOptions(options, byType)),
};

/** What of the options is core's. */
export function connectOptions(options: WaybillOptions, byType: Registered): ConnectOptions {
  const { url: _u, worker: _w, push: _p, doors: _d, middleware: _m, enhancers: _e, ...rest } = options;
  return { ...rest, jobs: [...byType.values()].map(({ definition }) => definition) };
}

const closing: Provider = {
  provide: CLOSING,
  inject: [CONNECTION],
  useFactory: (jobs: Jobs) => ({ onApplicationShutdown: () => jobs.close() }),
};

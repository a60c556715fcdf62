import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { DiscoveryModule, DiscoveryService, ExternalContextCreator, ModulesContainer } from "@nestjs/core";
import { connect, type ConnectOptions, type Jobs } from "@waybill/core";
import { Handlers } from "../handlers/handlers.ts";
import { JobQueue } from "./job-queue.ts";
import { nestLog } from "./nest-log.ts";
import { requireUrl, type WaybillOptions } from "../options.ts";
import { configError } from "../config-error.ts";
import { type RegisteredJobs, registeredJobs } from "../handlers/registered-jobs.ts";

export const OPTIONS: unique symbol = Symbol("waybill.options");
export const CONNECTION: unique symbol = Symbol("waybill.connection");
export const REGISTERED: unique symbol = Symbol("waybill.registered");
const CLOSING: unique symbol = Symbol("waybill.closing");

/**
 * Opens and closes the connection, through which providers enqueue. Nest starts global modules first and stops them last,
 * so providers may enqueue from their first hook to their last.
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
      throw configError(
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
  useFactory: (options: WaybillOptions, byType: RegisteredJobs) =>
    connect(requireUrl(options), connectOptions(options, byType)),
};

/** Returns the options that `connect` takes. */
export function connectOptions(options: WaybillOptions, byType: RegisteredJobs): ConnectOptions {
  const { url: _u, worker: _w, push: _p, endpoints: _n, middleware: _m, enhancers: _e, log, ...rest } = options;
  const written = log === "nest" ? nestLog() : log;
  return { ...rest, ...(written && { log: written }), jobs: [...byType.values()].map(({ definition }) => definition) };
}

const closing: Provider = {
  provide: CLOSING,
  inject: [CONNECTION],
  useFactory: (jobs: Jobs) => ({ onApplicationShutdown: () => jobs.close() }),
};

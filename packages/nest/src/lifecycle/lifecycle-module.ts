import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { HttpAdapterHost, ModulesContainer } from "@nestjs/core";
import type { Jobs } from "@waybill/core";
import { CONNECTION, OPTIONS } from "../connection/connection-module.ts";
import { Handlers } from "../handlers/handlers.ts";
import type { WaybillOptions } from "../options.ts";
import { WaybillHealthIndicator } from "./health.ts";
import { HttpMount } from "./http-mount.ts";
import { Lifecycle } from "./lifecycle.ts";

const mountProvider: Provider = {
  provide: HttpMount,
  inject: [HttpAdapterHost],
  useFactory: (host: HttpAdapterHost) => new HttpMount(host),
};

const lifecycleProvider: Provider = {
  provide: Lifecycle,
  inject: [OPTIONS, CONNECTION, Handlers, HttpMount, ModulesContainer],
  useFactory: (
    options: WaybillOptions,
    connection: Jobs,
    handlers: Handlers,
    mount: HttpMount,
    modules: ModulesContainer,
  ) => {
    moveBelowRoot(modules);
    return new Lifecycle(options, connection, handlers, mount);
  },
};

const healthProvider: Provider = {
  provide: WaybillHealthIndicator,
  inject: [CONNECTION, Lifecycle],
  useFactory: (connection: Jobs, lifecycle: Lifecycle) => new WaybillHealthIndicator(connection, lifecycle),
};

/** Starts the worker and the endpoints after the rest of the application, and stops them before it. */
export class LifecycleModule {
  static readonly dynamic: DynamicModule = {
    module: LifecycleModule,
    global: true,
    providers: [mountProvider, lifecycleProvider, healthProvider],
    exports: [Lifecycle, WaybillHealthIndicator],
  };
}
Module({})(LifecycleModule);

/**
 * Nest calls hooks of start from the module with the highest distance down to the root, whose distance is 1, and hooks of
 * shutdown in reverse. Distance 0 makes this module the last to start and the first to stop, while every provider that a
 * handler uses is available.
 */
function moveBelowRoot(modules: ModulesContainer): void {
  for (const module of modules.values()) if (module.metatype === LifecycleModule) module.distance = 0;
}

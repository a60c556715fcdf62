import { type DynamicModule, Module, type Provider } from "@nestjs/common";
import { HttpAdapterHost, ModulesContainer } from "@nestjs/core";
import type { Jobs } from "@waybill/core";
import { CONNECTION, OPTIONS } from "./connection-module.ts";
import { Doors } from "./doors.ts";
import { Handlers } from "./handlers.ts";
import { WaybillHealthIndicator } from "./health.ts";
import { HttpMount } from "./http-mount.ts";
import type { WaybillOptions } from "./options.ts";

const mount: Provider = {
  provide: HttpMount,
  inject: [HttpAdapterHost],
  useFactory: (host: HttpAdapterHost) => new HttpMount(host),
};

const doors: Provider = {
  provide: Doors,
  inject: [OPTIONS, CONNECTION, Handlers, HttpMount, ModulesContainer],
  useFactory: (
    options: WaybillOptions,
    connection: Jobs,
    handlers: Handlers,
    place: HttpMount,
    modules: ModulesContainer,
  ) => {
    nearerThanRoot(modules);
    return new Doors(options, connection, handlers, place);
  },
};

const health: Provider = {
  provide: WaybillHealthIndicator,
  inject: [CONNECTION, Doors],
  useFactory: (connection: Jobs, opened: Doors) => new WaybillHealthIndicator(connection, opened),
};

/** Where the doors stand in the order of the application's hooks: after all that a handler may need, and before it at the end. */
export class DoorsModule {
  static readonly dynamic: DynamicModule = {
    module: DoorsModule,
    global: true,
    providers: [mount, doors, health],
    exports: [Doors, WaybillHealthIndicator],
  };
}
Module({})(DoorsModule);

/**
 * Nest calls the hooks of start from the farthest module to the root (distance 1), and those of shutdown back again.
 * Nearer than the root: last to start, first to stop, while every provider a handler uses is there.
 */
function nearerThanRoot(modules: ModulesContainer): void {
  for (const module of modules.values()) if (module.metatype === DoorsModule) module.distance = 0;
}

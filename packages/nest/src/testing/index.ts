import { HttpAdapterHost } from "@nestjs/core";
import { testJobs, type TestJobs } from "@waybill/core/testing";
import { CONNECTION, connectOptions, OPTIONS, REGISTERED } from "../connection-module.ts";
import { Handlers } from "../handlers.ts";
import { HttpMount } from "../http-mount.ts";
import type { WaybillOptions } from "../options.ts";
import { refuse } from "../refuse.ts";
import type { Registered } from "../registered.ts";

export type { TestJobs } from "@waybill/core/testing";

/** A `TestingModuleBuilder`, as far as it matters here. */
export interface Overridable {
  /** As Nest's. */
  overrideProvider(token: unknown): {
    useFactory(options: { factory: (...given: never[]) => unknown; inject?: unknown[] }): unknown;
  };
}

/**
 * The application, on jobs that wait. They wait in this process: `await withTestJobs(Test.createTestingModule({
 * imports: [AppModule] })).compile()`. No worker runs; `testJobsOf(app).drain()` runs the application's handlers when
 * the test says so. Pushed jobs run where the test makes an HTTP application.
 */
export function withTestJobs<Builder extends Overridable>(builder: Builder): Builder {
  builder.overrideProvider(CONNECTION).useFactory({ inject: [OPTIONS, REGISTERED, Handlers], factory: openTestJobs });
  builder.overrideProvider(HttpMount).useFactory({
    inject: [HttpAdapterHost],
    factory: (host: HttpAdapterHost) => new IndifferentMount(host),
  });
  return builder;
}

/**
 * What waits, and the means to run it. The application closes it. Throws `CONFIG_INVALID` for an application that
 * `withTestJobs` did not make.
 */
export function testJobsOf(app: { get(token: unknown): unknown }): TestJobs {
  const jobs = app.get(CONNECTION);
  if (typeof jobs === "object" && jobs !== null && "drain" in jobs) return jobs as TestJobs;
  throw refuse("this application has real jobs; make it with withTestJobs(Test.createTestingModule(...))");
}

async function openTestJobs(options: WaybillOptions, registered: Registered, handlers: Handlers): Promise<TestJobs> {
  // Asked of the real backend alone.
  const { log: _l, services: _s, require: _r, jobs = [], ...rest } = connectOptions(options, registered);
  const test = await testJobs({ ...rest, jobs, handlers: () => handlers.jobs, middleware: options.middleware ?? [] });
  return {
    ...test,
    worker: (settings) => ({ ...test.worker(settings), start: async () => {} }),
  };
}

/** In a test without HTTP nobody can push, which is no mistake of the application's. */
class IndifferentMount extends HttpMount {
  override demand(): void {}
}

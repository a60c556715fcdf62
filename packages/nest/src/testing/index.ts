import { HttpAdapterHost } from "@nestjs/core";
import type { Schedule } from "@waybill/core";
import { testJobs, type TestJobs, type TestJobsOptions } from "@waybill/core/testing";
import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { CONNECTION, connectOptions, OPTIONS, REGISTERED } from "../connection/connection-module.ts";
import { Handlers } from "../handlers/handlers.ts";
import { HttpMount } from "../lifecycle/http-mount.ts";
import type { WaybillOptions } from "../options.ts";
import { configError } from "../config-error.ts";
import type { RegisteredJobs } from "../handlers/registered-jobs.ts";

export type { TestJobs } from "@waybill/core/testing";

/** The part of a `TestingModuleBuilder` that is used here. */
export interface Overridable {
  /** As that of Nest. */
  overrideProvider(token: unknown): {
    useFactory(options: { factory: (...given: never[]) => unknown; inject?: unknown[] }): unknown;
  };
}

const TEST_OPTIONS: OptionNames<Pick<TestJobsOptions, "like">> = { like: true };

/**
 * Replaces the connection by test jobs, which stay in this process until the test runs them: `await
 * withTestJobs(Test.createTestingModule({ imports: [AppModule] })).compile()`. No worker runs; `testJobsOf(app).drain()` runs
 * the application's handlers, and `testJobsOf(app).advance("1d")` its schedules. Pushed jobs run if the test makes an HTTP application. `like` is the backend whose limits,
 * refusals and transactions the test jobs have; default: those of `memory:`.
 */
export function withTestJobs<Builder extends Overridable>(
  builder: Builder,
  options: Pick<TestJobsOptions, "like"> = {},
): Builder {
  assertKnownOptions(options, TEST_OPTIONS, "the options of withTestJobs");
  const { like } = options;
  builder.overrideProvider(CONNECTION).useFactory({
    inject: [OPTIONS, REGISTERED, Handlers],
    factory: (application: WaybillOptions, registered: RegisteredJobs, handlers: Handlers) =>
      openTestJobs(application, registered, handlers, like),
  });
  builder.overrideProvider(HttpMount).useFactory({
    inject: [HttpAdapterHost],
    factory: (host: HttpAdapterHost) => new OptionalHttpMount(host),
  });
  return builder;
}

/**
 * Returns the test jobs of an application, which closes them itself. Throws `CONFIG_INVALID` for an application that
 * `withTestJobs` did not make.
 */
export function testJobsOf(app: { get(token: unknown): unknown }): TestJobs {
  const jobs = app.get(CONNECTION);
  if (typeof jobs === "object" && jobs !== null && "drain" in jobs) return jobs as TestJobs;
  throw configError("this application has real jobs; make it with withTestJobs(Test.createTestingModule(...))");
}

async function openTestJobs(
  options: WaybillOptions,
  registered: RegisteredJobs,
  handlers: Handlers,
  like: TestJobsOptions["like"],
): Promise<TestJobs> {
  // Without `like` the requirements are those of the real backend, which a test does not have.
  const { log: _l, services: _s, require: required, jobs = [], ...rest } = connectOptions(options, registered);
  const asked = like === undefined ? {} : { like, ...(required && { require: required }) };
  const middleware = options.middleware ?? [];
  const test = await testJobs({ ...rest, ...asked, jobs, handlers: () => handlers.jobs, middleware });
  let isDeclared = false;
  async function declare(schedules: readonly Schedule[]): Promise<void> {
    isDeclared = true;
    for (const schedule of schedules) await test.schedules.put(schedule);
  }
  return {
    ...test,
    // Handlers run without a `worker` among the options, so their schedules fire without it as well.
    async advance(time) {
      if (!isDeclared) await declare(handlers.schedules);
      return test.advance(time);
    },
    worker: (settings) => ({ ...test.worker(settings), start: () => declare(settings.schedules ?? []) }),
  };
}

/** Accepts an application without HTTP, which is no mistake in a test. */
class OptionalHttpMount extends HttpMount {
  override assertHttp(): void {}
}

import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  type PipeTransform,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from "@nestjs/common";
import { APP_GUARD, APP_INTERCEPTOR, REQUEST } from "@nestjs/core";
import { defineJob, type JobContext, type OutcomeEvent } from "@waybill/core";
import { type Observable, tap, throwError } from "rxjs";
import { beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type Enhancers, JobHandler, JobQueue, WaybillModule } from "../../src/index.ts";
import { started } from "../support/started.ts";

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }), retry: { maxAttempts: 1 } });
let seen: string[] = [];
beforeEach(() => (seen = []));

const describe = (context: ArgumentsHost): string => {
  const [payload, job] = context.getArgs<[{ name: string }, JobContext]>();
  return `${context.getType<string>()} ${payload.name} ${job.type}`;
};

class Guard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push(`guard ${describe(context)} ${context.getClass().name}.${context.getHandler().name}`);
    return context.getArgs<[{ name: string }]>()[0].name !== "Eve";
  }
}
class Around implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    seen.push(`before ${describe(context)}`);
    return next.handle().pipe(tap(() => seen.push("after")));
  }
}
class Loud implements PipeTransform {
  transform(value: unknown, { type }: { type: string }): unknown {
    return type === "body" ? { name: (value as { name: string }).name.toUpperCase() } : value;
  }
}
@Catch()
class ByStream implements ExceptionFilter<Error> {
  catch(error: Error, host: ArgumentsHost): Observable<never> {
    seen.push(`caught ${error.message} ${host.getType<string>()}`);
    return throwError(() => new Error(`filtered: ${error.message}`));
  }
}

class Plain {
  @JobHandler(greet)
  say({ name }: { name: string }): void {
    if (name === "unknown") throw new Error("unknown name");
    seen.push(`said ${name}`);
  }
}
class Decorated extends Plain {
  @UseGuards(Guard)
  @UseInterceptors(Around)
  @UsePipes(Loud)
  @UseFilters(ByStream)
  override say(payload: { name: string }): void {
    super.say(payload);
  }
}

interface Given {
  readonly providers: NonNullable<Parameters<typeof started>[1]>["providers"];
  readonly enhancers?: Enhancers;
}

/** Runs one job in an application of these providers. Returns its outcome. */
async function run(name: string, { providers = [], enhancers }: Given): Promise<OutcomeEvent> {
  const feature = WaybillModule.forFeature([greet], enhancers === undefined ? {} : { enhancers });
  const app = await started({ worker: {} }, { imports: [feature], providers });
  const ended = new Promise<OutcomeEvent>((resolve) => void app.get(JobQueue).events.on("settled", resolve));
  await app.get(JobQueue).enqueue(greet, { name });
  return ended;
}

const globals = [
  { provide: APP_GUARD, useClass: Guard },
  { provide: APP_INTERCEPTOR, useClass: Around },
];

test("global guards and interceptors do not run for jobs by default", async () => {
  const { outcome } = await run("Eve", { providers: [Plain, ...globals] });
  expect([outcome, ...seen]).toEqual(["completed", "said Eve"]);
});

test("if enabled, they run, in a context of the type waybill", async () => {
  const { outcome } = await run("Ada", { providers: [Plain, ...globals], enhancers: true });
  expect([outcome, ...seen]).toEqual([
    "completed",
    "guard waybill Ada greet Plain.say",
    "before waybill Ada greet",
    "said Ada",
    "after",
  ]);
});

test("a guard that refuses is an error of the job", async () => {
  const { outcome, error } = await run("Eve", { providers: [Plain, ...globals], enhancers: true });
  expect([outcome, error?.name, ...seen]).toEqual(["dead", "ForbiddenException", "guard waybill Eve greet Plain.say"]);
});

test("only the kinds that are listed run", async () => {
  await run("Eve", { providers: [Plain, ...globals], enhancers: ["interceptors"] });
  expect(seen).toEqual(["before waybill Eve greet", "said Eve", "after"]);
});

test("those of the handler run too: a pipe gets the payload, a filter's stream is the job's error", async () => {
  await run("Ada", { providers: [Decorated], enhancers: true });
  expect(seen.splice(0)).toEqual([
    "guard waybill Ada greet Decorated.say",
    "before waybill Ada greet",
    "said ADA",
    "after",
  ]);
  const { error } = await run("unknown", { providers: [Decorated], enhancers: ["filters"] }).catch((e) => ({
    error: e,
  }));
  expect(String(error)).toMatch(/decorated with guards, which do not run for its job; give `enhancers: true`/);
});

test("a filter that returns a stream decides the job's error", async () => {
  class Filtered extends Plain {
    @UseFilters(ByStream)
    override say(payload: { name: string }): void {
      super.say(payload);
    }
  }
  const { outcome, error } = await run("unknown", { providers: [Filtered], enhancers: true });
  expect([outcome, error?.message, ...seen]).toEqual(["dead", "filtered: unknown name", "caught unknown name waybill"]);
});

test("a decorated handler does not start if its module does not set `enhancers`; with `false` it does", async () => {
  await expect(run("Ada", { providers: [Decorated] })).rejects.toThrow(
    /Decorated\.say is decorated with guards, which do not run for its job/,
  );
  const { outcome } = await run("Eve", { providers: [Decorated], enhancers: false });
  expect([outcome, ...seen]).toEqual(["completed", "said Eve"]);
});

test("an unknown kind of enhancer does not start", async () => {
  const enhancers = ["middleware"] as unknown as Enhancers;
  await expect(run("Ada", { providers: [Plain], enhancers })).rejects.toThrow(/"middleware" is not a kind of enhancer/);
});

test("request-scoped enhancers, of the handler and of the whole application, are made for each job", async () => {
  @Injectable({ scope: Scope.REQUEST })
  class PerJob implements CanActivate {
    @Inject(REQUEST) readonly job!: JobContext;
    canActivate(): boolean {
      seen.push(`guarded ${this.job.type}`);
      return true;
    }
  }
  await run("Ada", { providers: [Plain, { provide: APP_GUARD, useClass: PerJob }], enhancers: true });
  expect(seen.splice(0)).toEqual(["guarded greet", "said Ada"]);
  await run("Ada", { providers: [Plain, { provide: APP_GUARD, useClass: PerJob }] });
  expect(seen.splice(0)).toEqual(["said Ada"]);
  class Guarded extends Plain {
    @UseGuards(PerJob)
    override say(payload: { name: string }): void {
      super.say(payload);
    }
  }
  await run("Ada", { providers: [Guarded], enhancers: true });
  expect(seen).toEqual(["guarded greet", "said Ada"]);
});

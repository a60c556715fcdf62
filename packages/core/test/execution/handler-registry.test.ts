import { expect, test } from "vitest";
import { defineJob, type JobDefinition } from "../../src/index.ts";
import { createHandlerRegistry, forwardEvery, type HandlerRegistryOptions } from "../../src/exports/endpoint.ts";
import { memoryCapabilities } from "../../src/memory/index.ts";

const job = defineJob({ type: "registry.test", handler() {} });

test.each<[string, readonly JobDefinition[], HandlerRegistryOptions, RegExp]>([
  ["jobs that are no list", "registry.test" as never, {}, /^jobs is "registry.test": pass a list of definitions/],
  ["a job that is no definition", [{ type: "registry.test" } as never], {}, /^jobs\[0\] is /],
  ["two handlers of one type", [job, job], {}, /two handlers are registered for job type "registry.test"; keep one/],
  ["a job without a handler", [defineJob({ type: "bare" })], {}, /job "bare" has no handler; add one with handlerFor/],
  [
    "middleware that is no list",
    [job],
    { middleware: (() => {}) as never },
    /^middleware is .+: pass a list of functions/,
  ],
  [
    "middleware that is no function",
    [job],
    { middleware: ["log"] as never },
    /^middleware is .+: pass a list of functions/,
  ],
  ["a maxLost of 0", [job], { maxLost: 0 }, /^maxLost is 0: a whole number from 1/],
  ["a maxLost that is not whole", [job], { maxLost: 1.5 }, /^maxLost is 1.5: a whole number from 1/],
])("%s is refused when the registry is made", (_, jobs, options, message) => {
  expect(() => createHandlerRegistry(jobs, options)).toThrow(
    expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) }),
  );
});

test("a job that needs what the backend refuses is refused when the registry is made", () => {
  const capabilities = { ...memoryCapabilities, maxRunMs: 1_000 };
  const long = defineJob({ type: "registry.long", timeout: "10s", handler() {} });
  expect(() => createHandlerRegistry([long], { capabilities })).toThrow(
    expect.objectContaining({ code: "CAPABILITY_MISSING", message: expect.stringContaining('job "registry.long"') }),
  );
});

test("without capabilities no job is refused, as of one that no backend holds", () => {
  const long = defineJob({ type: "registry.long", timeout: "7d", handler() {} });
  expect(createHandlerRegistry([long]).find("registry.long")).toMatchObject({ timeoutMs: 604_800_000 });
});

test("a type is found by its own job, else by the one for every type, and metrics know the registered types alone", () => {
  const every = forwardEvery({ handler() {} });
  const registry = createHandlerRegistry([job, every]);
  expect(registry.find("registry.test")).toMatchObject({ type: "registry.test", forwards: false });
  expect(registry.find("other.type")).toMatchObject({ type: "*", forwards: true });
  expect(registry.events.types.has("registry.test")).toBe(true);
  expect(registry.events.types.has("other.type")).toBe(false);
  expect(createHandlerRegistry([job]).find("other.type")).toBeUndefined();
});

import { describe, expect, test } from "vitest";
import { createProgram } from "../../src/program.ts";
import { applySettings } from "../../src/options/project-file.ts";

const commands = createProgram().commands.flatMap((one) => [one, ...one.commands]);
const names = [...new Set(commands.flatMap(({ options }) => options.map((option) => option.attributeName())))];

/** What a folder may decide; a new option is not among these until somebody has thought about it. */
const MAY = [
  "abort close concurrency connectTimeout drain errorVisibilityTimeout prefetch heartbeat inactivityTimeout lease",
  "maxLost maxMemory maxRetries mimeType programVersion queues signatures",
].flatMap((line) => line.split(" "));

/** A value that each of them takes. */
const VALUES: Readonly<Record<string, unknown>> = {
  concurrency: 3,
  prefetch: 3,
  maxLost: 3,
  maxMemory: "1GiB",
  maxRetries: 3,
  mimeType: "application/json",
  programVersion: "1",
  queues: "a,b",
  signatures: "off",
};

function apply(name: string): void {
  applySettings(createProgram(), { options: { [name]: VALUES[name] ?? "5s" }, version: null });
}

describe("what the package.json of a folder sets", () => {
  test.each(names.filter((name) => MAY.includes(name)))("%s is taken: it is how a worker works", (name) => {
    expect(() => apply(name)).not.toThrow();
  });

  test.each(names.filter((name) => !MAY.includes(name)))("%s is refused: only the caller may say it", (name) => {
    expect(() => apply(name)).toThrow(
      `package.json sets waybill.${name}, which only the command line or the environment`,
    );
  });

  test("every name that may be set is an option of a command", () => {
    expect(MAY.filter((name) => !names.includes(name))).toEqual([]);
  });
});

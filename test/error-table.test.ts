import { describe, expect, test } from "vitest";
import { calls, connections, workers } from "./error-table/connections.ts";
import { definitions } from "./error-table/definitions.ts";
import { endpoints, others } from "./error-table/endpoints.ts";
import { features, tools } from "./error-table/features.ts";
import type { Row } from "./error-table/row.ts";

const tables: Readonly<Record<string, readonly Row[]>> = {
  "a definition": definitions,
  "a connection": connections,
  "a call": calls,
  "a worker": workers,
  "an endpoint": endpoints,
  "a backend and Nest": others,
  "a rule, a schedule and a flow": features,
  "a tool": tools,
};

async function thrownBy(use: () => unknown): Promise<unknown> {
  try {
    await use();
  } catch (thrown) {
    return thrown;
  }
  return "it was taken";
}

/** The command's own mistakes are in packages/cli/test/errors.process.test.ts. */
describe.each(Object.entries(tables))("%s", (_, rows) => {
  test.each(rows)("%s: the error names the option, the value and what to write", async (__, use, ...holds) => {
    const error = await thrownBy(use);
    expect(error).toMatchObject({ name: expect.stringMatching(/^(WaybillError|PayloadError|EnvelopeError)$/) });
    const { message } = error as Error;
    for (const held of holds) expect(message).toMatch(held);
    expect(message).not.toContain("s3cret");
    // One sentence or two, for a person to read.
    expect(message.length).toBeLessThan(260);
  });
});

test("the table has a row for each thing that people get wrong, each once", () => {
  const rows = Object.entries(tables).flatMap(([table, list]) => list.map(([written]) => `${table}: ${written}`));
  expect(rows.length).toBeGreaterThanOrEqual(60);
  expect(new Set(rows).size).toBe(rows.length);
});

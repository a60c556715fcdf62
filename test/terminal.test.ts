import { EventBus, type WaybillEvents } from "@waybill/core";
import { printable, printableJson, type JobLabel, logTo } from "@waybill/core/endpoint";
import { jobMetrics } from "@waybill/core/metrics";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pageOf } from "../packages/cli/src/commands/dead/show.ts";
import { printError, printJson, printText } from "../packages/cli/src/output/print.ts";
import { bold, dim, red } from "../packages/cli/src/output/style.ts";
import { table } from "../packages/cli/src/output/table.ts";
import { printAudit } from "../packages/dashboard/src/audit.ts";
import { published, read, sources } from "./workspace.ts";

/** Every character that a terminal obeys, or that shows other text than there is. */
const OBEYED = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  "\u061c",
  "\u200e",
  "\u200f",
  ...range(0x2028, 0x202e),
  ...range(0x2066, 0x2069),
];
const WHOLE = [
  "\u001b[2J",
  "\u001b]0;title\u0007",
  "\u001b]52;c;cm0gLXJm\u001b\\",
  "\u009b31m",
  "a\r\nb",
  "\u001b[8mhidden",
  "gpj.\u202eexe",
];

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String.fromCharCode(from + at));
}

const texts = [...OBEYED.map((one) => `x${one}y`), ...WHOLE, OBEYED.join("")];
/** What is left of such a character in something printed, beside the end of the line. */
const obeyed = (printed: string): string[] => OBEYED.filter((one) => one !== "\n" && printed.includes(one));

let printed = "";
beforeEach(() => {
  printed = "";
  const write = (chunk: unknown, done?: () => void): boolean => {
    printed += String(chunk);
    done?.();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(write as never);
  vi.spyOn(process.stderr, "write").mockImplementation(write as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

type Printer = (text: string) => unknown;

const printers: Record<string, Printer> = {
  "a cell of a table": (text) => printText(table([{ title: "A", text: () => text }], [0])),
  "a line for a person": (text) => printText(`job ${text} is stored`),
  "an error for a person": (text) => printError(new Error(text), false, []),
  "an error for a machine": (text) => printError(Object.assign(new Error(text), { code: text }), true, []),
  "a stack": (text) => {
    vi.stubEnv("WAYBILL_DEBUG", "1");
    printError(new Error(text, { cause: new Error(text) }), false, []);
  },
  "a row of JSON": (text) => printJson({ [text]: [text, { type: text }] }),
  "a log line": async (text) => {
    const events = new EventBus();
    const log = logTo(events, "stdout");
    const label: JobLabel = { id: text, type: text, queue: text };
    events.emit("enqueued", { ...label, stored: true });
    events.emit("unavailable", { worker: text, message: text });
    await log.flush();
  },
  "a pretty log line": async (text) => {
    vi.stubEnv("NO_COLOR", "1");
    const events = new EventBus();
    const log = logTo(events, "pretty");
    const started = { id: text, type: text, queue: text, attempt: 1, lost: 0, releases: 0, worker: text };
    const facts = { name: text, code: text, message: text, stack: [text] };
    const reason = { code: text, message: text, error: { ...facts, causes: [facts] } };
    events.emit("settled", { ...started, outcome: "dead", durationMs: 1, reason });
    events.emit("unavailable", { worker: text, message: text });
    events.emit("stopped", { ...({} as WaybillEvents["stopped"]), worker: text, reason: text });
    await log.flush();
  },
  "a dead letter's page": (text) => {
    const facts = { name: text, code: text, message: text, stack: [text] };
    const reason = { code: text, message: text, error: { ...facts, causes: [facts] } };
    const letter = { id: text, type: text, queue: text, attempt: 1, diedAt: 1, reason, body: text, damage: text };
    printText(pageOf(letter));
  },
  "an audit line of the dashboard": (text) => {
    const target = { ids: [text], [text]: text };
    printAudit({ at: text, user: text, connection: text, action: text, target, result: text, error: text });
  },
  "a scrape": async (text) => {
    const events = new EventBus();
    const metrics = jobMetrics({ events }, { types: [text] });
    events.emit("enqueued", { id: text, type: text, queue: text, stored: true });
    printed += await metrics.prometheus();
  },
};

describe("what a terminal obeys is never printed, whoever wrote it", () => {
  test.each(Object.entries(printers))("in %s", async (_, print) => {
    for (const text of texts) {
      printed = "";
      await print(text);
      expect(printed).toContain("\n");
      expect(obeyed(printed), JSON.stringify(text)).toEqual([]);
    }
  });

  test("in a process warning", async () => {
    const warned: string[] = [];
    vi.spyOn(process, "emitWarning").mockImplementation((warning: unknown) => void warned.push(String(warning)));
    for (const text of texts) {
      const events = new EventBus();
      events.on("recovered", () => {
        throw new Error(text);
      });
      events.emit("recovered", { worker: "w" });
    }
    await expect.poll(() => warned).toHaveLength(texts.length);
    expect(obeyed(warned.join(""))).toEqual([]);
  });
});

test("JSON says the same when it is parsed, and is on one line", () => {
  for (const text of texts) {
    const value = { [text]: [text, { deep: text }], plain: "zoë 🚚 العربية" };
    const json = printableJson(value) ?? "";
    expect(JSON.parse(json)).toEqual(value);
    expect(json).not.toMatch(/[\n\r]/);
  }
  expect(printableJson(undefined)).toBeUndefined();
});

test("words of any language, emoji and our own styles pass as they are", () => {
  const words = "zoë 🚚 👩‍👩‍👧 العربية עברית 日本語";
  expect(printable(words)).toBe(words);
  vi.stubEnv("FORCE_COLOR", "1");
  printText(`${bold("A")} ${dim("b")} ${red("c")}`);
  expect(printed).toBe(`${bold("A")} ${dim("b")} ${red("c")}\n`);
});

test("nothing of ours writes to a terminal but the modules that this file tries", () => {
  const writers = /process\.std(?:out|err)\.write\(|process\.emitWarning\(|\bconsole\.(?:log|error|warn|info)\(/;
  const found = published
    .filter(({ path }) => path !== "packages/backend-contract")
    .flatMap(({ path }) => sources(`${path}/src`))
    .filter((file) => writers.test(read(file).replaceAll(/^\s*(?:\/\/|\*).*$/gm, "")));
  expect(found.toSorted()).toEqual([
    "packages/cli/src/init/templates.ts", // a handler of the user's, in a file that is written
    "packages/cli/src/main.ts", // an empty write, to wait for what was printed
    "packages/cli/src/output/print.ts",
    "packages/core/src/execution/leak-guard.ts", // made harmless there: it has a name of its own
    "packages/core/src/observability/log.ts",
    "packages/core/src/values/warn.ts",
    "packages/dashboard/src/audit.ts",
    "packages/http/src/node/mount-warning.ts", // tells only paths that it has checked
    "packages/nest/src/lifecycle/shutdown-signals.ts", // tells nothing of anybody's
  ]);
});

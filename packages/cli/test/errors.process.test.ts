import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, freshPlace, start, waybill } from "./cli.ts";

interface Mistake {
  readonly what: string;
  readonly args: readonly string[];
  readonly code: number;
  /** What the message must name: the thing, and the way out. */
  readonly names: readonly string[];
}

const jobs = fixture("jobs");
const enqueue = ["enqueue", "mail.album_ready", "--jobs", jobs];

const mistakes: readonly Mistake[] = [
  { what: "an unknown command", args: ["quues"], code: 2, names: ["quues", "Did you mean queues?"] },
  { what: "an unknown option", args: ["queues", "--jsn"], code: 2, names: ["--jsn", "Did you mean --json?"] },
  { what: "a worker without a jobs file", args: ["worker"], code: 2, names: ["--jobs <file>"] },
  { what: "payload that is not JSON", args: [...enqueue, "{a:1}"], code: 2, names: ["not JSON", "quote it whole"] },
  {
    what: "a missing jobs file",
    args: ["worker", "--jobs", "./gone.js"],
    code: 2,
    names: ["./gone.js", "looked for /"],
  },
  {
    what: "a jobs file that throws",
    args: ["worker", "--jobs", fixture("broken")],
    code: 2,
    names: ["the module is broken"],
  },
  {
    what: "a jobs file without jobs",
    args: ["worker", "--jobs", fixture("no-jobs")],
    code: 2,
    names: ["exports no job", "defineJob", "handlerFor"],
  },
  {
    what: "a worker's job without a handler",
    args: ["worker", "--jobs", fixture("definitions")],
    code: 2,
    names: ['"mail.album_ready" without a handler', "handlerFor(definition, handler)"],
  },
  {
    what: "an unknown URL scheme",
    args: ["queues", "--url", "mongo://h/db"],
    code: 2,
    names: ["mongo:", "sqlite", "redis"],
  },
  { what: "a folder as database", args: ["queues", "--url", "sqlite:/"], code: 2, names: ["folder"] },
  {
    what: "a weight that is no number",
    args: ["worker", "--jobs", jobs, "--queues", "slow=many"],
    code: 2,
    names: ["--queues", "media=3,mailers"],
  },
  {
    what: "concurrency 0",
    args: ["worker", "--jobs", jobs, "--concurrency", "0"],
    code: 2,
    names: ["--concurrency", "1 or more"],
  },
];

describe("a mistake is one message that names the thing and the way out", () => {
  test.each(mistakes)("$what", async ({ args, code, names }) => {
    const text = await waybill(args, freshPlace());
    expect(text).toMatchObject({ code, stdout: "" });
    expect(text.stderr).toMatch(/^error: /);
    for (const name of names) expect(text.stderr).toContain(name);
    expect(text.stderr).not.toMatch(/\n\s+at /);

    const json = await waybill([...args, "--json"], freshPlace());
    expect(json).toMatchObject({ code, stdout: "" });
    const { error } = JSON.parse(json.stderr) as { error: { code: string; message: string } };
    expect(error.code).toMatch(/^[A-Z_]+$/);
    for (const name of names) expect(error.message).toContain(name);
  });

  test("a foreign database file is refused and left as it was", async () => {
    const { folder } = freshPlace();
    const path = join(folder, "foreign.db");
    writeFileSync(path, "this is no database, and longer than a page header would be ".repeat(20));
    const result = await waybill(["queues", "--url", `sqlite:${path}`], {});
    expect(result.code).toBeGreaterThan(0);
    expect(result.stderr).toContain("foreign.db");
  });

  test("the stack is printed for WAYBILL_DEBUG=1", async () => {
    const { env } = freshPlace();
    const args = ["worker", "--jobs", fixture("broken")];
    const { stderr } = await waybill(args, { env: { ...env, WAYBILL_DEBUG: "1" } });
    expect(stderr).toMatch(/\n\s+at /);
    expect(stderr).toContain("caused by:");
  });

  test("a password in a URL is never printed", async () => {
    for (const extra of [[], ["--json"]]) {
      const { stdout, stderr } = await waybill(["queues", "--url", "mongo://ann:s3cret@h/db", ...extra], {});
      expect(stdout + stderr).not.toContain("s3cret");
    }
  });

  test.each([["doctor"], ["init", "--dry-run"], ["--help"]])(
    "a reader that has gone, as after `%s | head`, is none",
    async (...args) => {
      const { env } = freshPlace();
      const wrapper = ["sh", "-c", '{ "$@"; echo "ended with $?" >&2; } | true', "sh"];
      const { stderr } = await start(args, env, wrapper).ended;
      expect(stderr).toBe("ended with 0\n");
    },
  );
});

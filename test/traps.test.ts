import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rowsOf, trapsSeen } from "../scripts/languages/traps/index.ts";
import { root } from "./workspace.ts";

/** Those of Go and Java are run by `npm run packed`. */
test.for([
  { language: "Python", command: ["python3", "traps.py"], library: ["-c", "import json"] },
  { language: "Ruby", command: ["ruby", "traps.rb"], library: ["-e", 'require "sqlite3"'] },
  { language: "Perl", command: ["perl", "traps.pl"], library: ["-MJSON::PP", "-e", "1"] },
  { language: "PHP", command: ["php", "traps.php"], library: ["-r", "exit(0);"] },
])(
  "each trap of $language is as the page says, and the page has no other",
  ({ language, command, library }, context) => {
    const [program = "", file = ""] = command;
    if (spawnSync(program, library).status !== 0) return context.skip(`${language} is not on this machine`);
    const cwd = join(root, "scripts/languages/traps");
    const { stdout, stderr } = spawnSync(program, [file], { cwd, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(trapsSeen(stdout)).toEqual(rowsOf(language));
    expect(rowsOf(language).length).toBeGreaterThan(6);
    return undefined;
  },
);

const id = "019539a4-b68c-7def-8000-1a2b3c4d5e6f";

function envelope(more: object): string {
  return JSON.stringify({ spec: "waybill/1", id, type: "receipt.send", args: [], ...more });
}

/** Texts that a program of these languages writes, which are not on this machine; `silent` ones are taken. */
const WRITTEN: Record<string, Record<string, string | Buffer>> = {
  "C#": {
    "property names": JSON.stringify({ Spec: "waybill/1", Id: id, Type: "receipt.send", Args: [] }),
    null: envelope({ queue: null }),
    "DateTime of no kind": envelope({ created_at: "2026-11-22T10:00:00" }),
    TimeSpan: envelope({ retry: { initial_interval: "00:00:05" } }),
    "large integers": envelope({}).replace('"args":[]', '"args":[9007199254740993]'),
    "Guid in another form": envelope({ id: `{${id}}` }),
    "a byte order mark": `\u{feff}${envelope({})}`,
  },
  Rust: {
    None: envelope({ queue: null }),
    flatten: envelope({}).replace('"args"', '"type":"receipt.send","args"'),
    "large integers": envelope({}).replace('"args":[]', '"args":[18446744073709551615]'),
    "U+FFFE and U+FFFF": envelope({ args: ["\uffff"] }),
    bytes: envelope({ args: [Array.from({ length: 10_000 }, () => 0)] }),
    "times as serde writes them": envelope({ created_at: { secs_since_epoch: 1795341600, nanos_since_epoch: 0 } }),
    "a time without a zone": envelope({ created_at: "2026-11-22T10:00:00.123456789" }),
    "to_string() of a time": envelope({ created_at: "2026-11-22 10:00:00.123456789 UTC" }),
    Duration: envelope({ retry: { initial_interval: { secs: 5, nanos: 0 } } }),
    "Uuid in another form": envelope({ id: `urn:uuid:${id}` }),
    NaN: envelope({ args: [{ amount: null }] }),
    HashMap: envelope({ args: [{ b: 1, a: 1 }] }),
    "serde_json::Value": `{"args":[],"id":"${id}","spec":"waybill/1","type":"receipt.send"}`,
  },
  Tcl: {
    "1 for true": envelope({ retry: { jitter: 1 } }),
    "%z of a time": envelope({ created_at: "2026-11-22T10:00:00+0000" }),
    "an emoji through tdbc": Buffer.from(envelope({ args: ["\xed\xa0\xbd\xed\xb8\x80"] }), "latin1"),
    "line ends of a batch": `${envelope({})}\r`,
  },
  Shell: {
    "echo and backslashes": envelope({ args: ["a\nb"] }).replace("\\n", "\n"),
    "a variable in JSON": envelope({ args: ["@"] }).replace("@", 'the "one"'),
    "%z of date": envelope({ created_at: "2026-11-22T10:00:00+0000" }),
    "uuidgen of macOS": envelope({ id: id.toUpperCase() }),
    "curl -d @file": envelope({}).replaceAll("\n", ""),
  },
};

test.each(Object.entries(WRITTEN))("what %s writes by mistake is refused as the page says", (language, written) => {
  const base64 = (text: string | Buffer): string =>
    (typeof text === "string" ? Buffer.from(text) : text).toString("base64");
  const lines = Object.entries(written).map(([trap, wrong]) =>
    JSON.stringify({ trap, wrong: base64(wrong), right: base64(envelope({ args: ["right"] })) }),
  );
  expect(trapsSeen(lines.join("\n"))).toEqual(rowsOf(language));
});

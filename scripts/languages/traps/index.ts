import { readFileSync } from "node:fs";
import { join } from "node:path";
import { EnvelopeError } from "@waybill/core";
import { decodeBody } from "@waybill/core/backend";
import { parseEnvelope } from "@waybill/core/endpoint";

const page = readFileSync(join(import.meta.dirname, "../../../spec/traps.md"), "utf8");

export interface Trap {
  readonly trap: string;
  /** Of envelope.md, or "silent". */
  readonly refusedWith: string;
}

/** The rows of the page under the heading of one language. */
export function rowsOf(language: string): Trap[] {
  const section = page.split(`\n## ${language}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| ([^|]+) \| [^|]+ \| (`([A-Z_]+)`|silent) \| [^|]+ \|$/gm)];
  return rows.map(([, trap = "", silent = "", code]) => ({ trap, refusedWith: code ?? silent }));
}

/** What is seen of a body: its code, or what it says. What is no envelope at all is taken as it is. */
function seen(body: Uint8Array): { code: string | null; says: string } {
  try {
    return { code: null, says: JSON.stringify(parseEnvelope(decodeBody(body)).args) };
  } catch (thrown) {
    if (!(thrown instanceof EnvelopeError)) throw thrown;
    return { code: thrown.envelopeCode, says: Buffer.from(body).toString() };
  }
}

const isEnvelope = (body: Buffer): boolean => body.toString("latin1").startsWith("{");

/** Judges what a program of this folder printed; each line has `wrong` and `right` in base64. */
export function trapsSeen(stdout: string): Trap[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const printed = JSON.parse(line) as Record<"trap" | "wrong" | "right", string>;
      const [wrong, right] = [Buffer.from(printed.wrong, "base64"), Buffer.from(printed.right, "base64")];
      return { trap: printed.trap, refusedWith: verdict(wrong, right) };
    });
}

function verdict(wrong: Buffer, right: Buffer): string {
  const [bad, good] = [seen(wrong), seen(right)];
  // Neither is an envelope: what a tool returned, and what was wanted.
  if (!isEnvelope(right)) return bad.says === good.says ? "no difference" : "silent";
  if (good.code !== null) return `what is right is refused with ${good.code}`;
  return bad.code ?? (bad.says === good.says ? "no difference" : "silent");
}

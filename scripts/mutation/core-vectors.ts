// A process that answers the vectors with mutants of core, one after the other: so that one that hangs can be ended.
import { registerHooks } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { pathToFileURL } from "node:url";
import { answerOf, answersOf, type Core } from "../../packages/core/test/envelope/answers.ts";
import { type BodyInput, bodyOf, readVectors, type Vector } from "../../packages/core/test/envelope/vectors.ts";
import type { Mutant } from "./core-mutants.ts";

const envelope = new URL("../../packages/core/src/envelope/", import.meta.url);
let mutant: Mutant | null = null;
let number = 0;

// Each mutant is the folder loaded anew, under addresses of its own; what lies outside is shared.
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const asks = /\?mutant=\d+/.exec(context.parentURL ?? "")?.[0];
    return asks && found.url.startsWith(envelope.href)
      ? { ...found, url: found.url + asks, shortCircuit: true }
      : found;
  },
  load(url, context, next) {
    if (mutant === null || url !== `${pathToFileURL(mutant.file).href}?mutant=${number}`) return next(url, context);
    return { format: "module-typescript", source: mutant.source, shortCircuit: true };
  },
});

const FOLDERS = [
  "invalid",
  "valid",
  "timestamps",
  "durations",
  "derived-ids",
  "dedupe-keys",
  "defaults",
  "retry-schedule",
] as const;
const cases = FOLDERS.map((folder) => [folder, readVectors<never, object>(folder)] as const);
/** About the text, which JavaScript has none of: an object that is written again is another text. */
const OF_THE_TEXT = /^(BODY|BOM|ENCODING|ENVELOPE|JSON_(SYNTAX|DUPLICATE|NUMBER|STRING))/;

/** The first vector that this core misses; null: it misses none. */
function missed(core: Core): string | null {
  const answers = answersOf(core);
  for (const [folder, vectors] of cases) {
    for (const { name, input, expect: outcome, error } of vectors) {
      const answer = answerOf(() => answers[folder](input));
      if (!isDeepStrictEqual(answer, error ? { error } : { expect: outcome })) return `${folder}: ${name}`;
    }
  }
  for (const [folder, vectors] of cases.slice(0, 2)) {
    const odd = vectors.find((one) => !isWrittenAsRead(core, folder === "valid", one));
    if (odd) return `${folder}, written: ${odd.name}`;
  }
  return null;
}

/** A producer of ours refuses what a reader would, and writes the rest. */
function isWrittenAsRead(core: Core, isValid: boolean, { name, input, error }: Vector<BodyInput, object>): boolean {
  if (OF_THE_TEXT.test(error?.code ?? "") || name === "a whole double beyond the integers, written with a fraction")
    return true;
  const value = JSON.parse(bodyOf(input)) as never;
  const written = answerOf(() => core.serialiseEnvelope(value)) as { readonly expect?: string };
  if (!isValid || written.expect === undefined) return !isValid && "error" in written;
  return isDeepStrictEqual(core.parseEnvelope(written.expect), JSON.parse(JSON.stringify(value)));
}

process.on("message", async (given: { readonly mutant: Mutant | null }) => {
  mutant = given.mutant;
  number++;
  try {
    const core = (await import(`${envelope.href}index.ts?mutant=${number}`)) as Core;
    process.send!({ missed: missed(core) });
  } catch (thrown) {
    process.send!({ missed: `crashed: ${String(thrown).split("\n")[0]}` });
  }
});

// Takes one validation after the other out of both implementations of the spec, and answers the vectors without it. A mutant
// that no vector misses is a rule that nobody checks, unless scripts/mutation/survivors.json says why it cannot be told.
// `npm run mutate:spec -- [core|python]`
import { type ChildProcess, fork, spawn } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { type Mutant, mutantsOf } from "./mutation/core-mutants.ts";

/** A mutant as it ended: the first vector that it misses, or null. */
interface Verdict {
  readonly file: string;
  readonly what: string;
  readonly missed: string | null;
}

const root = join(import.meta.dirname, "..");
const HANG_MS = 20_000;
const validating =
  "check decode dedupe-key derived-id duration field-rules json-fault limits-rule meta-rule parse serialise strict-json timestamp";

async function* coreVerdicts(): AsyncGenerator<Verdict> {
  const files = globSync(`packages/core/src/envelope/{${validating.replaceAll(" ", ",")}}.ts`, {
    cwd: root,
  }).toSorted();
  let answering = startAnswering();
  const missedBy = async (mutant: Mutant | null): Promise<string | null> => {
    const answer = await ask(answering, mutant);
    if (answer !== "hangs") return answer;
    answering.kill("SIGKILL");
    answering = startAnswering();
    return `nothing within ${HANG_MS / 1_000} s`;
  };
  const asItIs = await missedBy(null);
  if (asItIs !== null) throw new Error(`core as it is misses ${asItIs}`);
  for (const mutant of files.flatMap((file) => mutantsOf(join(root, file)))) {
    yield { file: basename(mutant.file), what: mutant.what, missed: await missedBy(mutant) };
  }
  answering.kill("SIGKILL");
}

function startAnswering(): ChildProcess {
  return fork(new URL("mutation/core-vectors.ts", import.meta.url));
}

function ask(answering: ChildProcess, mutant: Mutant | null): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve("hangs"), HANG_MS);
    answering.removeAllListeners().once("error", reject);
    answering.once("message", ({ missed }: { missed: string | null }) => {
      clearTimeout(timer);
      resolve(missed);
    });
    answering.send({ mutant });
  });
}

async function* pythonVerdicts(): AsyncGenerator<Verdict> {
  const child = spawn("python3", [join(root, "scripts/mutation/python-mutants.py")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const verdict = JSON.parse(line) as Verdict | { file: null; missed: string | null };
    if (verdict.file !== null) yield verdict;
    else if (verdict.missed !== null) throw new Error(`Python as it is misses ${verdict.missed}`);
  }
}

const excused = JSON.parse(readFileSync(new URL("mutation/survivors.json", import.meta.url), "utf8")) as Record<
  string,
  Record<string, string>
>;
const asked = process.argv[2];

for (const [name, verdicts] of [
  ["core", coreVerdicts],
  ["python", pythonVerdicts],
] as const) {
  if (asked !== undefined && asked !== name) continue;
  const startedAt = performance.now();
  const reasons = new Map(Object.entries(excused[name] ?? {}));
  let [mutants, killed, told] = [0, 0, 0];
  for await (const { file, what, missed } of verdicts()) {
    mutants++;
    const key = `${file}: ${what}`;
    if (process.env["VERBOSE"]) console.log(`${missed ?? "SURVIVES"} | ${key}`);
    if (missed !== null) killed++;
    else if (reasons.has(key)) told++;
    else console.log(`no vector misses it: ${key}`);
    if (missed === null) reasons.delete(key);
  }
  for (const key of reasons.keys()) console.log(`survivors.json excuses what is not there or does not survive: ${key}`);
  const survivors = mutants - killed - told;
  if (survivors > 0 || reasons.size > 0 || mutants < 100) process.exitCode = 1;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(
    `${name}: ${mutants} mutants, ${killed} missed by a vector, ${told} excused with a reason, ${survivors} not, ${seconds} s`,
  );
}

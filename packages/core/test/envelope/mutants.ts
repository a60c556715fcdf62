import { below, randomOf } from "../../src/testing/random.ts";
import { type BodyInput, bodyOf, readVectors } from "./vectors.ts";

/** Pieces that parsers disagree about, thrown in anywhere. */
const PIECES: readonly string[] = [
  '{ } [ ] : , " \\ 0 - . e E null true -0 1.0 1e400 9007199254740993 \ufffe \uffff \ufeff \ud800 é 😀 {}{} [[[['.split(
    " ",
  ),
  '\\u0000 \\ud83d \\ude00 \\u003a \\" \\\\ ": waybill/2 PT0S 2026-02-30T00:00:00Z "a":1, "queue":"q", "__proto__":{},'.split(
    " ",
  ),
  [" ", "\n", "\t", "\u0000", " :"],
].flat();

/** Text changed at up to three places, or a member of one vector's envelope put into another's. */
export function* mutants(seed: number, rounds: number): Generator<string> {
  const random = randomOf(seed);
  const roll = (sides: number): number => below(random, sides);
  const pick = <T>(from: readonly T[]): T => from[roll(from.length)]!;
  const bodies = (folder: string): string[] =>
    readVectors<BodyInput, never>(folder)
      .filter(({ error }) => !/^(ENCODING|BOM|JSON)_|^ENVELOPE/.test(error?.code ?? ""))
      .map(({ input }) => bodyOf(input))
      .filter((body) => body.length < 3_000);
  const valid = bodies("valid");
  const members = [...valid, ...bodies("invalid")].flatMap((body) => Object.entries(JSON.parse(body) as object));
  for (let round = 0; round < rounds; round += 2) {
    let text = pick(valid);
    for (let change = roll(3); change >= 0; change--) {
      const at = roll(text.length + 1);
      const piece = roll(5) === 0 ? text.slice(roll(text.length), roll(text.length)) : pick(PIECES);
      text = text.slice(0, at) + piece + text.slice(at + pick([0, 0, 1, roll(12)]));
    }
    yield text;
    yield JSON.stringify(Object.fromEntries([...Object.entries(JSON.parse(pick(valid)) as object), pick(members)]));
  }
}

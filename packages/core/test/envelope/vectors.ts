import { readdirSync, readFileSync } from "node:fs";
import { decodeBody } from "../../src/envelope/index.ts";

/** The form of a vector file: spec/1.0/vectors/README.md. */
export interface Vector<Input, Expect> {
  readonly name: string;
  readonly input: Input;
  readonly expect: Expect;
  readonly error?: { readonly code: string; readonly pointer: string };
  readonly note?: string;
}

export type BodyInput =
  | { readonly envelope: unknown }
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly repeat: readonly (readonly [text: string, times: number])[] };

export const spec = new URL("../../../../spec/1.0/", import.meta.url);

export function readVectors<Input, Expect>(folder: string): Vector<Input, Expect>[] {
  const directory = new URL(`vectors/${folder}/`, spec);
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json"))
    .sort()
    .flatMap((file) => JSON.parse(readFileSync(new URL(file, directory), "utf8")) as Vector<Input, Expect>[]);
}

/** `decode`: the implementation's own, where one is tried. */
export function bodyOf(input: BodyInput, decode: typeof decodeBody = decodeBody): string {
  if ("envelope" in input) return JSON.stringify(input.envelope);
  if ("text" in input) return input.text;
  if ("base64" in input) return decode(Buffer.from(input.base64, "base64"));
  return input.repeat.map(([text, times]) => text.repeat(times)).join("");
}

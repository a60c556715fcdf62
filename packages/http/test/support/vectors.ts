import { readdirSync, readFileSync } from "node:fs";

/** The form of a vector file: spec/1.0/vectors/README.md. */
export interface Vector<Input, Expect> {
  readonly name: string;
  readonly input: Input;
  readonly expect: Expect;
  readonly error?: { readonly code: string; readonly status?: number };
}

export type BodyInput =
  | { readonly text: string }
  | { readonly base64: string }
  | { readonly repeat: readonly (readonly [text: string, times: number])[] };

export function readVectors<Input, Expect>(folder: string): Vector<Input, Expect>[] {
  const directory = new URL(`../../../../spec/1.0/vectors/push/${folder}/`, import.meta.url);
  return readdirSync(directory)
    .toSorted()
    .flatMap((file) => JSON.parse(readFileSync(new URL(file, directory), "utf8")) as Vector<Input, Expect>[]);
}

export function bytesOf(input: BodyInput): Buffer {
  if ("text" in input) return Buffer.from(input.text);
  if ("base64" in input) return Buffer.from(input.base64, "base64");
  return Buffer.from(input.repeat.map(([text, times]) => text.repeat(times)).join(""));
}

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findIn, matches } from "./standard-words/find.ts";
import { root, workspaces } from "./workspace.ts";

const folders = workspaces.filter(({ path }) => path.startsWith("packages/")).map(({ path }) => `${path}/src`);

/** Pages are checked by prose.test.ts. */
test.each(folders.filter((path) => existsSync(join(root, path))))(
  "%s uses the standard word for each concept",
  (path) => {
    expect(findIn(path).map(({ file, line, text, word }) => `${file}:${line} "${text}"; say: ${word.say}`)).toEqual([]);
  },
);

describe("the table finds a word in the meaning that has a standard word, and in no other", () => {
  const wordsIn = (text: string): string[] => matches("packages/http/src/x.ts", text).map(({ word }) => word.not);

  test.each([
    ["answers", "/** Answers the numbers. */"],
    ["put back, hand back, give back, go back", "/** It hands\n * the job back. */"],
    ["put back, hand back, give back, go back", "const handedBack = 1;"],
    ["claim, take, hold", "await takeWaiting(lease)"],
    ["claim, take, hold", "// takes no more jobs"],
    ["held", "class HeldJobs {}"],
    ["bury, keep for a person", "kept for a person to look at"],
    ["fetch ahead", "fetchAhead: 3"],
    ["queue lines, turn", "class QueueLines {}"],
    ["once", "readonly once: Once | null"],
    ["way out", "wayOut: string"],
    ["nobody, somebody, whoever", "a job that nobody has"],
  ])("%s: %s", (not, text) => {
    expect(wordsIn(text)).toContain(not);
  });

  test.each([
    "the server has not answered yet",
    "without an answer",
    "to tell two jobs apart",
    "the aud claim of a JWT token, not a JWT claim",
    "addEventListener('abort', stop, { once: true }); socket.once('close', stop); stored once",
    "loaded on demand",
    "const slots = 3; // takes a list, takes part, takes place",
    "a held write lock",
  ])("none: %s", (text) => {
    expect(wordsIn(text)).toEqual([]);
  });
});

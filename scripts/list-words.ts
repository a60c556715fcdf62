// Lists what a path says instead of the standard word: `npm run words -- packages/core/src/worker README.md`.
import { findIn } from "../test/standard-words/find.ts";

const paths = process.argv.slice(2).map((path) => path.replace(/\/$/, ""));
const found = paths.flatMap(findIn);
for (const { file, line, text, word } of found) console.log(`${file}:${line} "${text}"; say: ${word.say}`);
console.log(`${found.length} found`);

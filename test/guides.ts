import { read } from "./workspace.ts";

/** Pages that a newcomer reads from top to bottom, in the order of the sidebar. */
export const guides: readonly string[] = [
  "jobs",
  "retries",
  "transactions",
  "unique-jobs",
  "limits",
  "schedules",
  "flows",
  "results",
  "other-languages",
  "testing",
  "deploying",
  "operating",
].map((name) => `docs/${name}.md`);

/** Headings of the second level, without code blocks. */
export const headingsOf = (page: string): string[] =>
  [
    ...read(page)
      .replaceAll(/```[\s\S]*?```/g, "")
      .matchAll(/^## (.+)$/gm),
  ].map(([, title = ""]) => title);

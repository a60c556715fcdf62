import { randomUUID } from "node:crypto";
import { configInvalid } from "@waybill/core/backend";
import { type Section, SECTIONS, type Position } from "./queue-sections.ts";

/** Where a list goes on. */
export interface Cursor {
  /** Names the list, all pages together. */
  readonly list: string;
  /** The number of this page, from 0. */
  readonly page: number;
  /** 1 looks again for jobs that moved to a section which was read before. */
  readonly round: 0 | 1;
  readonly queue: string;
  readonly section: Section;
  readonly position: Position;
}

export const firstCursor = (): Cursor => ({
  list: randomUUID(),
  page: 0,
  round: 0,
  queue: "",
  section: SECTIONS[0],
  position: null,
});

/** Serialises a cursor for `JobPage.next`. */
export function cursorText({ list, page, round, queue, section, position }: Cursor): string {
  return Buffer.from(JSON.stringify([list, page, round, queue, section, position])).toString("base64url");
}

/** Parses `JobQuery.after`. Throws `CONFIG_INVALID` for a text that no list returned. */
export function parseCursor(text: string): Cursor {
  const read = parsed(text);
  if (read !== null) return read;
  throw configInvalid(`bullmq: after is ${JSON.stringify(text)}; pass the \`next\` of a page, or leave it out`);
}

function parsed(text: string): Cursor | null {
  try {
    const [list, page, round, queue, section, position] = JSON.parse(
      Buffer.from(text, "base64url").toString(),
    ) as unknown[];
    const isKnown = SECTIONS.some((known) => known === section) && (round === 0 || round === 1);
    if (typeof list !== "string" || typeof queue !== "string" || !Number.isSafeInteger(page)) return null;
    return isKnown && isPosition(position) ? ({ list, page, round, queue, section, position } as Cursor) : null;
  } catch {
    return null;
  }
}

const isPosition = (value: unknown): boolean =>
  value === null ||
  (Number.isSafeInteger(value) && Number(value) >= 0) ||
  (Array.isArray(value) &&
    value.length === 2 &&
    value.every((part) => typeof part === "string") &&
    isScore(String(value[0])));

const isScore = (text: string): boolean => text === "-inf" || Number.isFinite(Number(text));

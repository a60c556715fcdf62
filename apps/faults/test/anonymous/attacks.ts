/** The head of a signed request without the blank line at its end. */
export type Head = (path: string, fields: readonly string[]) => string;

/** What one hostile connection does until the server ends it. */
export interface Attack {
  readonly first: (head: Head, path: string) => string;
  /** Sent again and again; null: nothing more comes. */
  readonly more: (() => string) | null;
  readonly everyMs: number;
  /** Ends the connection at the first answer, for the next one. */
  readonly hangsUp: boolean;
}

const END = "\r\n\r\n";
const silent = { more: null, everyMs: 0, hangsUp: true } as const;

export const ATTACKS = {
  "headers a letter at a time": {
    first: (head, path) => `${head(path, [])}\r\nx-slow: `,
    more: () => "x",
    everyMs: 50,
    hangsUp: true,
  },
  "headers and no body": { ...silent, first: (head, path) => head(path, ["content-length: 500"]) + END },
  "large bodies by the drop": {
    first: (head, path) => `${head(path, ["content-length: 200000"])}${END}{`,
    more: () => "x".repeat(50),
    everyMs: 50,
    hangsUp: true,
  },
  "garbage signatures": {
    ...silent,
    first: (head, path) => `${head(path, ["content-length: 400"])}${END}${"{".repeat(400)}`,
  },
  "huge lengths": { ...silent, first: (head, path) => head(path, ["content-length: 3000000000"]) + END },
  "the largest length": { ...silent, first: (head, path) => head(path, ["content-length: 2097152"]) + END },
  "chunks without end": {
    first: (head, path) => `${head(path, ["transfer-encoding: chunked"])}${END}1\r\n{\r\n`,
    more: () => "1\r\nx\r\n",
    everyMs: 50,
    hangsUp: true,
  },
} as const satisfies Readonly<Record<string, Attack>>;

export type AttackName = keyof typeof ATTACKS;

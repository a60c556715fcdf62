import type { StandardSchema } from "./standard-schema.ts";

/** The part of a definition that describes its arguments. */
export interface Arguments {
  readonly type: string;
  readonly schema: StandardSchema | null;
  /** True: the schema describes the whole list, and the list is the payload. False: it describes the only argument. */
  readonly positional: boolean;
}

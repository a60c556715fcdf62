import { functions } from "./functions.ts";
import { workersTable } from "./roster.ts";
import { tables } from "./tables.ts";

/** Of the database's own; told of queues in which something became ready, or of nothing: look at the time and the inbox. */
export const channelOf = (schema: string): string => `waybill_${schema}`;

/** One step per schema version, in order; a step never changes once it is released. Each runs with our schema as search path. */
export const schemaSteps: readonly ((schema: string) => string)[] = [
  (schema) => `${tables} ${functions(schema, channelOf(schema))}`,
  () => workersTable,
];

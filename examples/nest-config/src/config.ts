import { z } from "zod";

const schema = z.object({
  PORT: z.coerce.number().default(3000),
  WAYBILL_URL: z.string().default("sqlite:./waybill.db"),
  /** How many jobs this process runs at a time. 0: it enqueues jobs and runs none. */
  WORKER_CONCURRENCY: z.coerce.number().int().min(0).default(10),
});

export type Config = z.infer<typeof schema>;

/** Throws where a variable is wrong: the application then does not start. */
export const validate = (env: Record<string, unknown>): Config => schema.parse(env);

import { z } from "zod";

// What the page can change while the demo runs. The web process passes a wish on to the launcher, which starts and
// stops the processes, and shows the page what the launcher returns.

/** Where jobs can wait. */
export const places = ["sqlite", "postgres", "redis", "rabbitmq", "sqs"] as const;
export type Place = (typeof places)[number];

/** The process that takes jobs from the queue: it runs them, or POSTs them to the web process. */
export type RunBy = "worker" | "pusher";

export const wish = z.discriminatedUnion("do", [
  /** Kills the worker or the pusher by SIGKILL. */
  z.object({ do: z.literal("kill") }),
  /** Starts the same program with another URL. */
  z.object({ do: z.literal("move"), place: z.enum(places) }),
  z.object({ do: z.literal("run"), by: z.enum(["worker", "pusher"]) }),
  /** Kills the server that the demo has started for this place, or starts it again. */
  z.object({ do: z.enum(["stop-server", "start-server"]) }),
]);
export type Wish = z.infer<typeof wish>;

export interface StageView {
  readonly places: readonly PlaceView[];
  readonly place: Place;
  readonly by: RunBy;
  /** The server of this place; null if the demo did not start it. */
  readonly server: "running" | "stopped" | null;
  /** What is being changed now, such as "Starting Redis". */
  readonly busy: string | null;
  /** Why the last wish was not granted, and what to do. */
  readonly problem: string | null;
}

export interface PlaceView {
  readonly name: Place;
  readonly label: string;
  /** "startable": the demo starts a server of its own when the place is chosen. */
  readonly state: "running" | "startable" | "missing";
}

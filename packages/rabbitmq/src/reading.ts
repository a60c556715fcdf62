import type { Admit, Lease, LeaseRequest } from "@waybill/core/backend";
import type { Delivery } from "./intake.ts";
import { labelOf } from "./label.ts";
import { createLine, type Line } from "./line.ts";
import { createLink, type Link } from "./link.ts";
import type { Settings } from "./options.ts";
import type { Settle } from "./settle.ts";
import { names } from "./topology.ts";

/** The connection that leases and acks: one line for each queue. Opened by the first call. */
export interface Reading {
  readonly link: Link;
  lease(request: LeaseRequest): Promise<Lease[]>;
  /** Leases of that queue given out and not settled yet. */
  held(queue: string): number;
  /** Waiting calls end with nothing. */
  dismiss(): void;
  /** Acks are sent before the channels close, and channels before the connection. */
  close(): Promise<void>;
}

const DEFAULT_HEARTBEAT_S = 10;

export function createReading(settings: Settings, admit: Admit, settle: Settle, isClosed: () => boolean): Reading {
  const { prefix, queueType } = settings;
  let heartbeatS = DEFAULT_HEARTBEAT_S;
  const link = createLink({ settings, heartbeatS: () => heartbeatS, pulsed: true });
  const lines = new Map<string, Line>();

  function leaseOf(delivery: Delivery, queue: string): Lease {
    const expiresAt = delivery.intake.expiresAt();
    const label = labelOf(delivery.message, queue, queueType === "quorum", admit);
    return { ...label, expiresAt, token: delivery };
  }

  function lineOf(queue: string): Line {
    let line = lines.get(queue);
    if (line === undefined) {
      const work = names.work(prefix, queue);
      line = createLine({
        link,
        queue,
        work,
        leaseOf: (delivery) => leaseOf(delivery, queue),
        giveBack: settle.giveBack,
        isClosed,
      });
      lines.set(queue, line);
    }
    return line;
  }

  return {
    link,
    lease(request) {
      // A worker that hangs is found out after two to three heartbeats: within its lease.
      if (lines.size === 0) heartbeatS = Math.max(1, Math.floor(request.leaseMs / 3_000));
      return lineOf(request.queue).lease(request);
    },
    held: (queue) => lines.get(queue)?.held() ?? 0,
    dismiss() {
      for (const line of lines.values()) line.dismiss();
    },
    async close() {
      await Promise.allSettled([...lines.values()].map((line) => line.close()));
      await link.close();
    },
  };
}

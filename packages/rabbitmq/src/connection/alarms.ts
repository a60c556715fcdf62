import type { ChannelModel } from "amqplib";

/** A broker that is short of memory or disk raises an alarm. While it lasts, the broker reads nothing from connections that publish. */
export interface Alarms {
  /** The broker's reason while an alarm lasts, such as "low on disk"; null otherwise. */
  readonly reason: string | null;
  /** Whether the alarm has lasted for `ALARM_MS`. */
  readonly isLong: boolean;
  /** The reason of the last alarm that has ended; null if none has. */
  readonly ended: string | null;
  /** Calls `late` as soon as an alarm has lasted for `ALARM_MS`. Returns a function that unsubscribes. */
  onLong(late: () => void): () => void;
}

/** An alarm of memory often ends sooner: until then calls wait for its end, afterwards they reject at once. */
const ALARM_MS = 2_000;

/** The broker reports an alarm only to connections that have published since it began. */
export function watchAlarms(model: ChannelModel): Alarms {
  const waiting = new Set<() => void>();
  let reason: string | null = null;
  let isLong = false;
  let ended: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(timer);
    isLong = false;
  };
  model.on("blocked", (said: string) => {
    end();
    reason = said || "an alarm";
    timer = setTimeout(() => {
      isLong = true;
      for (const late of waiting) late();
    }, ALARM_MS).unref();
  });
  model.on("unblocked", () => {
    end();
    [reason, ended] = [null, reason];
  });
  model.on("close", end);
  return {
    get reason() {
      return reason;
    },
    get isLong() {
      return isLong;
    },
    get ended() {
      return ended;
    },
    onLong(late) {
      waiting.add(late);
      return () => waiting.delete(late);
    },
  };
}

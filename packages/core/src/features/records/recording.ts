import type { Seam } from "../../backend/seam.ts";
import { WaybillError } from "../../errors.ts";
import type { EventBus } from "../../observability/events.ts";
import type { Duration } from "../../time/duration.ts";
import { connectionRecords, type ConnectionRecords } from "./connection-records.ts";
import { type RecordOptions, recordSettings } from "./record-options.ts";

/** The recording of a connection that is being opened. */
export interface Recording {
  /** Called first, with the events of the connection. */
  hear(events: EventBus): void;
  /** Returns the seam whose enqueues are recorded. Throws `CAPABILITY_MISSING` where no records can be kept. */
  begin(seam: Seam): Seam;
  /** For after `begin`. */
  records(): ConnectionRecords;
}

/** Throws `CONFIG_INVALID` for options that cannot work. */
export function createRecording(options: Duration | RecordOptions): Recording {
  const settings = recordSettings(options);
  let events: EventBus | null = null;
  let begun: ConnectionRecords | null = null;
  const known = <T>(value: T | null): T => {
    if (value === null) throw new WaybillError("CONFIG_INVALID", "records are used once the connection is open");
    return value;
  };
  return {
    hear: (heard) => void (events = heard),
    begin(seam) {
      begun = connectionRecords({ settings, seam, store: seam.records, events: known(events) });
      return begun.tapped(seam);
    },
    records: () => known(begun),
  };
}

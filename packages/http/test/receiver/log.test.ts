import { connect, defineJob } from "@waybill/core";
import { expect, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { envelope } from "../support/daemon-request.ts";
import { keys, signed } from "../support/signed-requests.ts";
import { everythingWritten } from "../support/captured-output.ts";

const jobs = [defineJob({ type: "work", handler() {} })];

test.each(["stdout", "off"] as const)(
  "a receiver on the events of a connection whose log is %s writes each line once",
  async (log) => {
    const written = everythingWritten();
    const connection = await connect("memory:", { log });
    const receiver = createReceiver({ jobs, keys, events: connection.events });
    const body = envelope("work");
    await receiver(new Request("http://app/work", { method: "POST", headers: signed(body), body }));
    await receiver.stop();
    await connection.close();
    const lines = written.join("").trimEnd().split("\n");
    const events = lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
    expect(events).toEqual(["booted", "started", "settled", "stopped"]);
  },
);

import { setTimeout as sleep } from "node:timers/promises";
import { Injectable } from "@nestjs/common";
import type { JobContext } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { Database } from "./database.ts";
import { type Order, sendReceipt } from "./jobs.ts";

@Injectable()
export class Receipts {
  constructor(private readonly database: Database) {}

  @JobHandler(sendReceipt)
  async send(payload: unknown, job: JobContext): Promise<void> {
    const { id, slow = false } = payload as Order;
    console.log(`began ${id}`);
    if (slow) await sleep(300);
    console.log(`ended ${id} attempt ${job.attempt} database ${this.database.state}`);
  }
}

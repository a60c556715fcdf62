import { setTimeout as sleep } from "node:timers/promises";
import { Injectable } from "@nestjs/common";
import type { JobContext } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { Database } from "./database.ts";
import { type Order, sendReceipt } from "./jobs.ts";

@Injectable()
export class Receipts {
  private readonly leaked: Buffer[] = [];

  constructor(private readonly database: Database) {}

  @JobHandler(sendReceipt)
  async send(payload: unknown, job: JobContext): Promise<void> {
    const { id, slow = false, leakBytes = 0 } = payload as Order;
    console.log(`began ${id}`);
    this.leaked.push(Buffer.alloc(leakBytes, 1));
    if (slow) await sleep(300);
    console.log(`ended ${id} attempt ${job.attempt} database ${this.database.state}`);
  }
}

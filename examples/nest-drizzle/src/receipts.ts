import { Injectable, Logger } from "@nestjs/common";
// `type`: TypeScript does not accept types in the signature of a decorated method that are imported without it.
import { JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { fromDrizzle } from "@waybill/postgres";
import { eq, sql } from "drizzle-orm";
import { Database } from "./database.js";
import { sendReceipt } from "./jobs.js";
import { orders } from "./schema.js";

@Injectable()
export class Receipts {
  private readonly logger = new Logger(Receipts.name);

  constructor(private readonly database: Database) {}

  @JobHandler(sendReceipt)
  async send({ orderId }: PayloadOf<typeof sendReceipt>, job: JobContext) {
    this.logger.log(`receipt for ${orderId}`); // your mail service
    await this.database.db.transaction(async (tx) => {
      await tx.update(orders).set({ receiptSentAt: new Date() }).where(eq(orders.id, orderId));
      // The row and the end of the job commit together. If they do not, the job runs again.
      await job.completeIn(fromDrizzle(tx, sql));
    });
  }
}

import { Injectable, Logger } from "@nestjs/common";
// `type`: TypeScript does not accept types in the signature of a decorated method that are imported without it.
import { JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { fromTypeOrm } from "@waybill/postgres";
import { DataSource } from "typeorm";
import { Order } from "./entities.js";
import { sendReceipt } from "./jobs.js";

@Injectable()
export class Receipts {
  private readonly logger = new Logger(Receipts.name);

  constructor(private readonly dataSource: DataSource) {}

  @JobHandler(sendReceipt)
  async send({ orderId }: PayloadOf<typeof sendReceipt>, job: JobContext) {
    this.logger.log(`receipt for ${orderId}`); // your mail service
    await this.dataSource.transaction(async (manager) => {
      await manager.update(Order, { id: orderId }, { receiptSentAt: new Date() });
      // The row and the end of the job commit together. If they do not, the job runs again.
      await job.completeIn(fromTypeOrm(manager));
    });
  }
}

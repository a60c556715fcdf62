import { Injectable, Logger } from "@nestjs/common";
// `type`: TypeScript does not accept types in the signature of a decorated method that are imported without it.
import { JobContext, type PayloadOf } from "@waybill/core";
import { JobHandler } from "@waybill/nest";
import { fromPrisma } from "@waybill/postgres";
import { sendReceipt } from "./jobs.js";
import { PrismaService } from "./prisma.service.js";

@Injectable()
export class Receipts {
  private readonly logger = new Logger(Receipts.name);

  constructor(private readonly prisma: PrismaService) {}

  @JobHandler(sendReceipt)
  async send({ orderId }: PayloadOf<typeof sendReceipt>, job: JobContext) {
    this.logger.log(`receipt for ${orderId}`); // your mail service
    await this.prisma.$transaction(async (tx) => {
      await tx.order.update({ where: { id: orderId }, data: { receiptSentAt: new Date() } });
      // The row and the end of the job commit together. If they do not, the job runs again.
      await job.completeIn(fromPrisma(tx));
    });
  }
}

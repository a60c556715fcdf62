import { ConflictException, Injectable } from "@nestjs/common";
import { JobQueue } from "@waybill/nest";
import { fromPrisma } from "@waybill/postgres";
import { sendReceipt } from "./jobs.js";
import { PrismaService } from "./prisma.service.js";

@Injectable()
export class OrdersService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly jobs: JobQueue,
  ) {}

  async place(orderId: string, productId: string) {
    await this.prisma.$transaction(async (tx) => {
      await tx.order.create({ data: { id: orderId, productId } });
      // In the transaction: no worker sees the job before the commit, and a rollback leaves none.
      await this.jobs.enqueueIn(fromPrisma(tx), sendReceipt, { orderId });
      const taken = await tx.product.updateMany({
        where: { id: productId, stock: { gt: 0 } },
        data: { stock: { decrement: 1 } },
      });
      // Throwing rolls back the order and its job.
      if (taken.count === 0) throw new ConflictException(`${productId} is sold out`);
    });
  }
}

import { ConflictException, Injectable } from "@nestjs/common";
import { JobQueue } from "@waybill/nest";
import { fromTypeOrm } from "@waybill/postgres";
import { DataSource, MoreThan } from "typeorm";
import { Order, Product } from "./entities.js";
import { sendReceipt } from "./jobs.js";

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly jobs: JobQueue,
  ) {}

  async place(orderId: string, productId: string) {
    await this.dataSource.transaction(async (manager) => {
      await manager.insert(Order, { id: orderId, productId });
      // In the transaction: no worker sees the job before the commit, and a rollback leaves none.
      await this.jobs.enqueueIn(fromTypeOrm(manager), sendReceipt, { orderId });
      const taken = await manager.decrement(Product, { id: productId, stock: MoreThan(0) }, "stock", 1);
      // Throwing rolls back the order and its job.
      if (taken.affected === 0) throw new ConflictException(`${productId} is sold out`);
    });
  }
}

import { ConflictException, Injectable } from "@nestjs/common";
import { JobQueue } from "@waybill/nest";
import { fromDrizzle } from "@waybill/postgres";
import { and, eq, gt, sql } from "drizzle-orm";
import { Database } from "./database.js";
import { sendReceipt } from "./jobs.js";
import { orders, products } from "./schema.js";

@Injectable()
export class OrdersService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobQueue,
  ) {}

  async place(orderId: string, productId: string) {
    await this.database.db.transaction(async (tx) => {
      await tx.insert(orders).values({ id: orderId, productId });
      // In the transaction: no worker sees the job before the commit, and a rollback leaves none.
      await this.jobs.enqueueIn(fromDrizzle(tx, sql), sendReceipt, { orderId });
      const taken = await tx
        .update(products)
        .set({ stock: sql`${products.stock} - 1` })
        .where(and(eq(products.id, productId), gt(products.stock, 0)));
      // Throwing rolls back the order and its job.
      if (taken.rowCount === 0) throw new ConflictException(`${productId} is sold out`);
    });
  }
}

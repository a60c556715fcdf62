import { Module } from "@nestjs/common";
import { TypeOrmModule } from "@nestjs/typeorm";
import { WaybillModule } from "@waybill/nest";
import { databaseUrl } from "./database-url.js";
import { Order, Product } from "./entities.js";
import { sendReceipt } from "./jobs.js";
import { OrdersController } from "./orders.controller.js";
import { OrdersService } from "./orders.service.js";
import { Receipts } from "./receipts.js";

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: "postgres",
      url: databaseUrl,
      entities: [Order, Product],
      synchronize: true, // in production: migrations
    }),
    WaybillModule.forRoot({
      url: databaseUrl,
      worker: { concurrency: 10 },
      // The application does not start on a backend that has no transactions.
      require: ["transactions"],
      log: "nest",
    }),
    WaybillModule.forFeature([sendReceipt]),
  ],
  controllers: [OrdersController],
  providers: [OrdersService, Receipts],
})
export class AppModule {}

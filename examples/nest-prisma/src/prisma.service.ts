import { Injectable, type OnModuleDestroy } from "@nestjs/common";
import { PrismaPg } from "@prisma/adapter-pg";
import { databaseUrl } from "./database-url.js";
import { PrismaClient } from "./generated/prisma/client.js";

@Injectable()
export class PrismaService extends PrismaClient implements OnModuleDestroy {
  constructor() {
    super({ adapter: new PrismaPg({ connectionString: databaseUrl }) });
  }

  /** Called after the worker has stopped: no job needs the client any more. */
  async onModuleDestroy() {
    await this.$disconnect();
  }
}

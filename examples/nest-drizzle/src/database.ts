import { Injectable, type OnModuleDestroy, type OnModuleInit } from "@nestjs/common";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { Pool } from "pg";
import { databaseUrl } from "./database-url.js";

@Injectable()
export class Database implements OnModuleInit, OnModuleDestroy {
  private readonly pool = new Pool({ connectionString: databaseUrl });
  readonly db = drizzle({ client: this.pool });

  async onModuleInit() {
    await migrate(this.db, { migrationsFolder: "drizzle" });
  }

  /** Called after the worker has stopped: no job needs the pool any more. */
  async onModuleDestroy() {
    await this.pool.end();
  }
}

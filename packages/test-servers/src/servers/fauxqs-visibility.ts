import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Mends fauxqs 2.4.1 with a disk: to make a received message visible again it writes NULL into a column that is NOT NULL, and the
 * message, which it has taken off its list already, is gone until a restart. A trigger makes that update keep the column's value.
 */
export function mendVisibility(folder: string): void {
  const database = new DatabaseSync(join(folder, "fauxqs.db"), { timeout: 5_000 });
  database.exec(`
    CREATE TRIGGER IF NOT EXISTS visible_again BEFORE UPDATE ON sqs_messages
    WHEN NEW.approximate_receive_count IS NULL
    BEGIN
      UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = OLD.message_id;
      SELECT RAISE(IGNORE);
    END`);
  database.close();
}

import type { Database } from "better-sqlite3";
import { migrateSqlite } from "../migrations.js";
import { type DeliveriesTable, deliveriesMigrations } from "./deliveries-table.js";
import type { Delivery, DeliveryStatus } from "./delivery.js";

const addSql = `INSERT INTO email_deliveries (id, client, address, status, delivered_at) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;

export function deliveriesSqlite(db: Database): DeliveriesTable {
  const prepare = () => ({
    insert: db.prepare<(string | null)[]>(addSql),
    status: db.prepare<[string], DeliveryStatus>("SELECT status FROM email_deliveries WHERE id = ?").pluck(),
  });
  let statements: ReturnType<typeof prepare> | undefined;

  const addAll = db.transaction((deliveries: readonly Delivery[]) => {
    statements ??= prepare();
    const { insert, status: statusOf } = statements;
    const known = new Map<string, DeliveryStatus>();
    for (const { id, client, address, status, deliveredAt } of deliveries) {
      const { changes } = insert.run(id, client, address, status, deliveredAt?.toISOString() ?? null);
      if (changes === 0) known.set(id, statusOf.get(id)!);
    }
    return known;
  });

  return {
    migrate: () => migrateSqlite(db, deliveriesMigrations("sqlite")),
    async add(deliveries) {
      return addAll.immediate(deliveries);
    },
    async hasClients() {
      return db.prepare("SELECT 1 FROM clients LIMIT 1").get() !== undefined;
    },
  };
}

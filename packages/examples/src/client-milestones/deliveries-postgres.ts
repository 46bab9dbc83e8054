import type { Pool } from "pg";
import { migratePostgres } from "../migrations.js";
import { type DeliveriesTable, deliveriesMigrations } from "./deliveries-table.js";
import type { DeliveryStatus } from "./delivery.js";

const addSql = `
  WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
      AS given (id, client, address, status, delivered_at)
  ), added AS (
    -- in the order of their ids, so that two processes with one log cannot wait for each other
    INSERT INTO email_deliveries (id, client, address, status, delivered_at)
    SELECT id, client, address, status, delivered_at FROM given ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
  )
  SELECT id FROM given WHERE id NOT IN (SELECT id FROM added)`;

// A statement of its own, because one sees only what was committed before it began: a row that another process
// committed meanwhile is met by ON CONFLICT and not by a SELECT beside it.
const knownSql = "SELECT id, status FROM email_deliveries WHERE id = ANY ($1::text[])";

export function deliveriesPostgres(pool: Pool): DeliveriesTable {
  return {
    migrate: () => migratePostgres(pool, deliveriesMigrations("postgres")),
    async add(deliveries) {
      const added = await pool.query<{ id: string }>({
        name: "client_milestones_add",
        text: addSql,
        values: [
          deliveries.map(({ id }) => id),
          deliveries.map(({ client }) => client),
          deliveries.map(({ address }) => address),
          deliveries.map(({ status }) => status),
          deliveries.map(({ deliveredAt }) => deliveredAt?.toISOString() ?? null),
        ],
      });
      if (added.rows.length === 0) return new Map();
      const ids = added.rows.map(({ id }) => id);
      const known = await pool.query<{ id: string; status: DeliveryStatus }>(knownSql, [ids]);
      return new Map(known.rows.map(({ id, status }) => [id, status]));
    },
    async hasClients() {
      const { rows } = await pool.query<{ found: boolean }>("SELECT EXISTS (SELECT FROM clients) AS found");
      return rows[0]!.found;
    },
  };
}

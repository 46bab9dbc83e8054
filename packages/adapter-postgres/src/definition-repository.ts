import { type DefinitionRepository, defaultTenant, type InstalledDefinition } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { textArray, time } from "./values.js";

export function definitionRepository(database: Database): DefinitionRepository {
  // add() reads this table, so it holds ACCESS SHARE on it until it commits, and takes the snapshot it executes with only
  // after it has that lock. ACCESS EXCLUSIVE therefore waits for every add under way, and each later one sees what is
  // installed here: none with an older generation commits, and recording pays for no row lock.
  const lock = database.statement("definitions_lock", "LOCK TABLE {definitions} IN ACCESS EXCLUSIVE MODE");

  // While install waits for its lock every add waits behind it, and somebody may only be reading the table for hours
  // (pg_dump does): so it waits shortly, lets them through for ten times as long, and comes again.
  const patience = database.statement("definitions_patience", "SET LOCAL lock_timeout = '100ms'");

  const generations = database.statement(
    "definitions_generations",
    "SELECT metric, generation FROM {definitions} WHERE metric = ANY ($1::text[])",
  );

  // One statement, because everybody's recording waits while the table is locked: not for a round trip per metric.
  const store = database.statement(
    "definitions_store",
    `WITH given AS MATERIALIZED (
       SELECT * FROM jsonb_to_recordset($1) AS g (metric text, generation bigint, decrements boolean, gauge boolean,
         retain text, "eventRetention" bigint, "rememberedSince" timestamptz, births jsonb, milestones jsonb, former jsonb, removed jsonb, adopted bigint)
     ), replaced AS (
       UPDATE {definitions} d SET generation = g.generation, decrements = g.decrements, gauge = g.gauge,
         retain = g.retain, event_retention = g."eventRetention", remembered_since = g."rememberedSince", births = g.births, milestones = g.milestones, former = g.former,
         removed = g.removed, adopted = g.adopted
       FROM given g WHERE d.metric = g.metric AND d.generation = g.generation - 1
       RETURNING d.metric
     ), added AS (
       INSERT INTO {definitions} (metric, generation, decrements, gauge, retain, event_retention, remembered_since,
         births, milestones, former, removed, adopted)
       SELECT metric, generation, decrements, gauge, retain, "eventRetention", "rememberedSince", births, milestones,
         former, removed, adopted
       FROM given WHERE generation = 1 ORDER BY metric COLLATE "C"
       ON CONFLICT DO NOTHING
       RETURNING metric
     ), act AS (
       INSERT INTO {acts} (tenant, entity, entity_id, act, by, why, at)
       SELECT $2, 'definition', metric, 'reinstall', $3, $4,
         date_trunc('milliseconds', coalesce($5::timestamptz, clock_timestamp()))
       FROM given WHERE $3::text IS NOT NULL ORDER BY metric COLLATE "C"
     )
     SELECT metric FROM replaced UNION ALL SELECT metric FROM added`,
  );

  const adopted = database.statement(
    "definitions_adopted",
    "UPDATE {definitions} SET adopted = generation WHERE metric = $1 AND generation = $2 RETURNING metric",
  );

  const list = database.statement(
    "definitions_list",
    `SELECT metric, generation, decrements, gauge, retain, event_retention AS "eventRetention",
       remembered_since AS "rememberedSince", births, milestones, former, removed, adopted
     FROM {definitions} ORDER BY metric`,
  );

  return {
    async install({ definitions, act, now }) {
      const metrics = definitions.map(({ metric }) => metric);
      // Of processes that start together all but one come too late: most of them know it without the lock.
      type Stored = Pick<InstalledDefinition, "metric" | "generation">;
      const rows = await database.run<Stored>(generations, [textArray(metrics)]);
      const stored = new Map(rows.map(({ metric, generation }) => [metric, generation]));
      if (definitions.some(({ metric, generation }) => (stored.get(metric) ?? 0) !== generation - 1)) return false;

      const values = [JSON.stringify(definitions), defaultTenant, act?.by ?? null, act?.why ?? null, time(now)];
      return database.transaction(
        async (run) => {
          // A metric that nobody knows needs no lock: there is no generation of it that an add could have.
          if (stored.size > 0) {
            await run(patience);
            await run(lock);
          }
          return (await run(store, values)).length === definitions.length;
        },
        { kept: (all) => all, ownLockTimeout: true },
      );
    },

    async adopted({ metric, generation }) {
      return (await database.run(adopted, [metric, generation])).length > 0;
    },

    list: () => database.run<InstalledDefinition>(list),
  };
}

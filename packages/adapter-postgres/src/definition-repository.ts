import {
  type DefinitionRepository,
  definitionsChanged,
  type InstalledDefinition,
  type MetricDefinition,
} from "@milepost/core/store";
import type { Database, Value } from "./driver.js";
import { textArray } from "./values.js";

export function definitionRepository(database: Database): DefinitionRepository {
  const columns = "metric, generation, fingerprint, decrements, births, milestones";

  // add() reads this table, so it holds ACCESS SHARE on it until it commits, and takes the snapshot it executes with only
  // after it has that lock. ACCESS EXCLUSIVE therefore waits for every add under way, and each later one sees what is
  // installed here: none with an older generation commits, and recording pays for no row lock.
  const lock = database.statement("definitions_lock", "LOCK TABLE {definitions} IN ACCESS EXCLUSIVE MODE");

  // While install waits for its lock every add waits behind it, and somebody may only be reading the table for hours
  // (pg_dump does): so it waits shortly, lets them through and comes again.
  const patience = database.statement("definitions_patience", "SET LOCAL lock_timeout = '1s'");

  const add = database.statement(
    "definitions_add",
    `INSERT INTO {definitions} (${columns}) VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${columns}`,
  );

  const stored = database.statement(
    "definitions_stored",
    `SELECT ${columns} FROM {definitions} WHERE metric = ANY ($1::text[])`,
  );

  const counted = database.statement(
    "definitions_counted",
    "SELECT EXISTS (SELECT FROM {counters} WHERE metric = $1) AS found",
  );

  const replace = database.statement(
    "definitions_replace",
    `INSERT INTO {definitions} AS d (${columns}) VALUES ($1, 1, $2, $3, $4, $5)
     ON CONFLICT (metric) DO UPDATE SET generation = d.generation + 1, fingerprint = excluded.fingerprint,
       decrements = excluded.decrements, births = excluded.births, milestones = excluded.milestones
     RETURNING ${columns}`,
  );

  const list = database.statement("definitions_list", `SELECT ${columns} FROM {definitions} ORDER BY metric`);

  return {
    async install({ definitions }) {
      const metrics = textArray(definitions.map(({ metric }) => metric));
      // Most installs are of what is there: a start of one more process should not hold up everybody's recording.
      const installed = byMetric(await database.run<InstalledDefinition>(stored, [metrics]));
      const changed = definitions.filter((definition) => !same(installed, definition));
      // A metric that nobody knows needs no lock: there is no generation of it that an add could have.
      if (changed.length > 0 && changed.every(({ metric }) => !installed.has(metric))) {
        await database.transaction(async (run) => {
          for (const definition of changed) {
            for (const row of await run<InstalledDefinition>(add, values(definition))) installed.set(row.metric, row);
          }
        });
      }
      if (!definitions.every((definition) => same(installed, definition))) {
        await database.transaction(async (run) => {
          await run(patience);
          await run(lock);
          installed.clear();
          for (const row of await run<InstalledDefinition>(stored, [metrics])) installed.set(row.metric, row);
          for (const definition of definitions) {
            if (same(installed, definition)) continue;
            const { metric } = definition;
            if (installed.has(metric)) {
              const [row] = await run<{ found: boolean }>(counted, [metric]);
              if (row?.found) throw definitionsChanged(metric);
            }
            for (const row of await run<InstalledDefinition>(replace, values(definition))) installed.set(metric, row);
          }
        });
      }
      return definitions.map(({ metric }) => installed.get(metric) as InstalledDefinition);
    },

    list: () => database.run<InstalledDefinition>(list),
  };
}

function byMetric(rows: readonly InstalledDefinition[]): Map<string, InstalledDefinition> {
  return new Map(rows.map((row) => [row.metric, row]));
}

function values({ metric, fingerprint, decrements, births, milestones }: MetricDefinition): Value[] {
  return [metric, fingerprint, decrements, JSON.stringify(births), JSON.stringify(milestones)];
}

function same(installed: ReadonlyMap<string, InstalledDefinition>, definition: MetricDefinition): boolean {
  return installed.get(definition.metric)?.fingerprint === definition.fingerprint;
}

import { forgottenBefore, monthsFrom } from "@milepost/core/store";
import type { Database, Run } from "./driver.js";
import { time } from "./values.js";

// {delivery_events} has a partition for each month of UTC in which events are received, and one for whatever is left.

export interface PartitionSteps {
  prepare(input: { readonly months: number; readonly now?: Date }): Promise<number>;
  /** Drops months that are over; deletes what is over in the partition for the rest. Answers how many rows were deleted. */
  purge(input: { readonly age: number; readonly limit: number; readonly now?: Date }): Promise<number>;
}

interface Partition {
  /** Schema and name, quoted. */
  readonly table: string;
  readonly month: string;
}

export function partitionSteps(database: Database): PartitionSteps {
  const clock = database.statement(
    "delivery_events_clock",
    `SELECT date_trunc('milliseconds', coalesce($1::timestamptz, clock_timestamp())) AS now`,
  );
  const lock = database.statement(
    "delivery_events_partition_lock",
    `SELECT pg_advisory_xact_lock(hashtextextended('milepost partitions ' || $1::regclass::oid::text, 0::bigint))`,
  );
  // Only the owner of a partitioned table may change its partitions; an application need not be that (docs/security.md).
  const partitions = database.statement(
    "delivery_events_partitions",
    `SELECT format('%I.%I', n.nspname, c.relname) AS table, right(c.relname, 7) AS month,
       pg_has_role(p.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE') AS ours
     FROM pg_catalog.pg_class p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
     JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE p.oid = $1::regclass`,
  );
  const attached = database.statement(
    "delivery_events_attached",
    `SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = $1::regclass AND right(c.relname, 7) = $2`,
  );
  const forget = database.statement(
    "delivery_events_forget",
    `WITH keys AS (
       DELETE FROM {delivery_event_keys} WHERE ctid = ANY (ARRAY(
         SELECT k.ctid FROM {delivery_event_keys} k WHERE k.received_at < $1 ORDER BY k.received_at LIMIT $2
         FOR UPDATE SKIP LOCKED
       )) RETURNING 1
     ), rest AS (
       DELETE FROM {delivery_events_else} WHERE ctid = ANY (ARRAY(
         SELECT e.ctid FROM {delivery_events_else} e WHERE e.received_at < $1 ORDER BY e.received_at LIMIT $2
         FOR UPDATE SKIP LOCKED
       )) RETURNING 1
     )
     SELECT greatest((SELECT count(*) FROM keys), (SELECT count(*) FROM rest)) AS count`,
  );
  const parent = database.fill("{delivery_events}");
  const rest = database.fill("{delivery_events_else}");
  const ofMonth = (month: string) => `${parent.slice(0, -1)}_${month}"`;
  const list = async () => {
    const rows = await database.run<Partition & { readonly ours: boolean }>(partitions, [parent]);
    return { months: rows.filter(({ month }) => /^\d{4}_\d\d$/.test(month)), ours: rows.every(({ ours }) => ours) };
  };
  const nowOf = async (given: Date | undefined) =>
    (await database.run<{ readonly now: Date }>(clock, [time(given)]))[0]!.now;

  /** Alone with the partitions. Waits two seconds at most for those who read them: everybody else waits behind it. */
  const change = (work: (run: Run, command: (text: string) => Promise<void>) => Promise<void>) =>
    database.transaction(
      async (run, { command }) => {
        await command("SET LOCAL lock_timeout = 2000");
        await run(lock, [parent]);
        await work(run, command);
      },
      { ownLockTimeout: true },
    );

  const add = (from: Date, to: Date) =>
    change(async (run, command) => {
      const table = ofMonth(monthOf(from));
      if ((await run(attached, [parent, monthOf(from)])).length > 0) return;
      // attached and not created in place, which would wait for everybody who reads the events
      await command(`CREATE TABLE ${table} (LIKE ${parent} INCLUDING ALL)`);
      await command(`LOCK TABLE ${rest} IN ACCESS EXCLUSIVE MODE`);
      const range = `received_at >= '${time(from)}' AND received_at < '${time(to)}'`;
      await command(
        `WITH moved AS (DELETE FROM ${rest} WHERE ${range} RETURNING *) INSERT INTO ${table} SELECT * FROM moved`,
      );
      await command(
        `ALTER TABLE ${parent} ATTACH PARTITION ${table} FOR VALUES FROM ('${time(from)}') TO ('${time(to)}')`,
      );
    });

  return {
    async prepare({ months, now: given }) {
      const { months: there, ours } = await list();
      if (!ours) return 0;
      const wanted = monthsFrom(await nowOf(given), months);
      let added = 0;
      for (const [i, from] of wanted.slice(0, -1).entries()) {
        if (there.some(({ month }) => month === monthOf(from))) continue;
        await add(from, wanted[i + 1]!);
        added++;
      }
      return added;
    },

    async purge({ age, limit, now: given }) {
      const edge = forgottenBefore(await nowOf(given), age);
      const [{ count } = { count: 0 }] = await database.run<{ count: number }>(forget, [time(edge), limit]);
      // the ids first: a month without them would be counted again if it came once more
      if (count > 0) return count;
      const { months, ours } = await list();
      const over = months.filter(({ month }) => month < monthOf(edge));
      if (!ours) return 0;
      for (const { table } of over) await change((_, command) => command(`DROP TABLE IF EXISTS ${table}`));
      return over.length;
    },
  };
}

const monthOf = (date: Date): string => date.toISOString().slice(0, 7).replace("-", "_");

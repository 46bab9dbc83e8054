import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect } from "vitest";
import type { PostgresQuery } from "./driver.js";
import { Sandbox } from "./postgres-harness.js";
import type { PostgresStore } from "./postgres-store.js";

// Imported by tests only; index.ts does not lead here.

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}
export interface Access {
  readonly how: string;
  readonly table: string;
  readonly index: string | undefined;
  /** Rows that were looked at, those that a filter left out among them. */
  readonly rows: number;
}

function accesses(node: PlanNode): Access[] {
  const rows = ((node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0)) * (node["Actual Loops"] ?? 0);
  const table = node["Relation Name"];
  const own = table === undefined ? [] : [{ how: node["Node Type"], table, index: node["Index Name"], rows }];
  return [...own, ...(node.Plans ?? []).flatMap(accesses)];
}

export const total = (found: readonly Access[]): number => found.reduce((sum, { rows }) => sum + rows, 0);
export const ways = (found: readonly Access[]): readonly string[] =>
  [...new Set(found.map(({ how, index }) => `${how} ${index ?? ""}`))].sort();

/** A store whose statements can be looked at: one connection, which is the store's and the test's. */
export class PlannedStore {
  readonly sandbox: Sandbox;
  readonly pool: pg.Pool;
  readonly store: PostgresStore;
  readonly #sent: PostgresQuery[] = [];
  /** A step's own transaction is left out, so that all of it can be undone. */
  #undoing = false;

  constructor(url: string) {
    this.sandbox = new Sandbox(url);
    this.pool = this.sandbox.pool({ max: 1 });
    this.pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...given: unknown[]) => unknown;
      client.query = ((config: PostgresQuery | string, ...more: unknown[]) => {
        if (typeof config === "string") return query(config, ...more);
        this.#sent.push(config);
        return query(this.#undoing && /^(BEGIN|COMMIT)/.test(config.text) ? { text: "SELECT" } : config);
      }) as typeof client.query;
    });
    this.store = this.sandbox.store({}, this.pool);
  }

  /** Runs a script over the store's tables, and has the server count these. */
  async fill(script: string, tables: readonly string[]): Promise<void> {
    await this.pool.query(`SET search_path TO "${this.sandbox.schema}"; ${script}; RESET search_path`);
    for (const table of tables) await this.pool.query(`ANALYZE "${this.sandbox.schema}".${table}`);
  }

  /**
   * How the statements that a step sends get at the tables, by the plan made for any values (a named statement's from its
   * sixth execution on) and by the one made for these.
   */
  async accessesOf(step: () => Promise<unknown>): Promise<Access[]> {
    this.#sent.length = 0;
    await this.pool.query("BEGIN");
    this.#undoing = true;
    await step();
    this.#undoing = false;
    await this.pool.query("ROLLBACK");
    const found: Access[] = [];
    for (const { text, values } of this.#sent.filter(({ name }) => name !== undefined)) {
      for (const mode of ["force_generic_plan", "force_custom_plan"]) {
        const name = `plan_${randomBytes(4).toString("hex")}`;
        const given = (values ?? [])
          .map((value) => (value === null ? "NULL" : pg.escapeLiteral(String(value))))
          .join(", ");
        await this.pool.query(`SET plan_cache_mode = ${mode}; PREPARE ${name} AS ${text}`);
        await this.pool.query("BEGIN");
        const { rows } = await this.pool.query(
          `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ${name}${given && ` (${given})`}`,
        );
        await this.pool.query("ROLLBACK; RESET plan_cache_mode");
        found.push(...accesses(rows[0]["QUERY PLAN"][0].Plan).filter(({ how }) => how !== "ModifyTable"));
      }
    }
    expect(found).not.toEqual([]);
    return found;
  }
}

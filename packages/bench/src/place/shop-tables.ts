import type { Place } from "./place.js";
import { openRawTables } from "./raw-tables.js";

/** A shop of the host's, and how many crossings of each level are recorded of it: both as of one moment. */
export interface ShopRow {
  readonly id: string;
  readonly online: boolean;
  /** How often the effect of each level ran. */
  readonly warned: number;
  readonly taken: number;
  readonly half: number;
  readonly whole: number;
}

/** The host's shops, in the database that it shares with the engine. */
export interface ShopTables {
  /** A stubborn one cannot be warned, until all of them give in. */
  open(shops: readonly { readonly id: string; readonly stubborn: boolean }[]): Promise<void>;
  giveIn(): Promise<void>;
  /** In one statement, so that what another process commits is in both numbers or in neither. */
  rows(): Promise<readonly ShopRow[]>;
  close(): Promise<void>;
}

/** The place with a search path, so that effects name the host's tables without a schema, as in SQLite. */
export function withShops(place: Place): Place {
  if (place.store === "sqlite") return place;
  const url = new URL(place.url);
  url.searchParams.set("options", `-c search_path=${place.schema}`);
  return { ...place, url: url.href };
}

const create = `CREATE TABLE host_shops (id text PRIMARY KEY, online boolean NOT NULL, stubborn boolean NOT NULL,
  warned integer NOT NULL, taken integer NOT NULL, CHECK (warned = 0 OR NOT stubborn))`;

const rowsText = (crossings: string) => `
SELECT s.id, s.online, s.warned, s.taken, count(CASE WHEN c.threshold = '50%' THEN 1 END) AS half,
  count(CASE WHEN c.threshold = '100%' THEN 1 END) AS whole
FROM host_shops s LEFT JOIN ${crossings} c ON c.tenant = 'default' AND c.subject = s.id
GROUP BY s.id, s.online, s.warned, s.taken ORDER BY s.id`;

type Row = Readonly<Record<keyof ShopRow, unknown>>;
const shopRow = ({ id, online, warned, taken, half, whole }: Row): ShopRow => ({
  ...{ id: String(id), online: Boolean(online), warned: Number(warned), taken: Number(taken) },
  ...{ half: Number(half), whole: Number(whole) },
});

/** `place` is one of {@link withShops}. */
export async function createShopTables(place: Place): Promise<ShopTables> {
  const { run, all, close } = openRawTables(place);
  const crossings = place.store === "postgres" ? "crossings" : "milepost_crossings";
  await run(create);
  return {
    open: (shops) => {
      const values = shops.map(({ id, stubborn }) => `('${id}', true, ${stubborn}, 0, 0)`);
      return run(`INSERT INTO host_shops (id, online, stubborn, warned, taken) VALUES ${values.join()}`);
    },
    giveIn: () => run("UPDATE host_shops SET stubborn = false"),
    rows: async () => (await all<Row>(rowsText(crossings))).map(shopRow),
    close,
  };
}

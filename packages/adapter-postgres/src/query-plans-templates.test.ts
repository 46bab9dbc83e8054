import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { PlannedStore, total, ways } from "./query-plans.js";

// What the server does on 20,000 templates of one tenant, each with two versions in two languages.

const planned = new PlannedStore(inject("databaseUrl"));
const { sandbox, store } = planned;
const accessesOf = planned.accessesOf.bind(planned);
beforeAll(async () => {
  await store.migrate();
  await planned.fill(
    `INSERT INTO message_templates (tenant, name, category, origin, newest, active, created_at)
      SELECT 't', 'n' || n, 'c' || n % 200, 'custom', 2, 1, now() FROM generate_series(1, 20000) n;
    INSERT INTO template_defaults SELECT 't', 'c' || n, 'n' || n FROM generate_series(1, 20000) n;
    INSERT INTO template_versions (tenant, template, number, fallback, tags, sample, created_at)
      SELECT 't', 'n' || n, v, 'en', '[]', '{}', now() FROM generate_series(1, 20000) n, generate_series(1, 2) v;
    INSERT INTO template_variants SELECT 't', 'n' || n, v, l, 'h' || n || l
      FROM generate_series(1, 20000) n, generate_series(1, 2) v, unnest(ARRAY['ar', 'en']) l;
    INSERT INTO templates SELECT 't', 'h' || n || l, '{"text": "x"}', now()
      FROM generate_series(1, 20000) n, unnest(ARRAY['ar', 'en']) l`,
    ["message_templates", "template_defaults", "template_versions", "template_variants", "templates"],
  );
});
afterAll(() => sandbox.dispose());

const key = { tenant: "t", name: "n7" };
const person = { by: "ann", why: "a test" };
const byIndex = (found: readonly string[]) =>
  found.filter((way) => !/^(Index|Index Only|Bitmap Index) Scan|^Bitmap Heap/.test(way));

test("a template and its versions are found by their keys, their contents by the hash", async () => {
  for (const read of [
    () => store.templates.get(key),
    () => store.templates.version(key),
    () => store.templates.version({ ...key, number: 2 }),
    () => store.templates.versions({ ...key, after: 0, limit: 10 }),
  ]) {
    const found = await accessesOf(read);
    expect(byIndex(ways(found))).toEqual([]);
    expect(total(found)).toBeLessThanOrEqual(2 * 12);
  }
});

test("templates are listed by name, and those of a category by the category", async () => {
  const page = await accessesOf(() => store.templates.list({ tenant: "t", after: "n5", limit: 50 }));
  expect(byIndex(ways(page))).toEqual([]);
  expect(total(page.filter(({ table }) => table === "message_templates"))).toBeLessThanOrEqual(2 * 51);
  const some = await accessesOf(() =>
    store.templates.list({ tenant: "t", category: "c7", isDefault: true, limit: 50 }),
  );
  expect(ways(some)).toContain("Index Scan message_templates_category");
  expect(total(some)).toBeLessThanOrEqual(2 * 2 * 102);
});

test("an act and a version touch the rows of their template", async () => {
  const variants = [{ language: "en", hash: "hn", content: { text: "x" } }];
  const version = { variants, fallback: "en", tags: [], sample: {}, maxItems: null };
  for (const step of [
    () => store.templates.act({ ...key, ...person, act: "activate", version: 2 }),
    () => store.templates.act({ ...key, ...person, act: "default" }),
    () => store.templates.addVersion({ ...key, ...person, parent: 2, version }),
  ]) {
    const found = (await accessesOf(step)).filter(({ table }) => table === "message_templates");
    expect(byIndex(ways(found))).toEqual([]);
    expect(total(found)).toBeLessThanOrEqual(4);
  }
});

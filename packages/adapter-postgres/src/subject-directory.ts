import type { Member, Subject, SubjectDirectory } from "@milepost/core/store";
import type { Database } from "./driver.js";
import { textArray } from "./values.js";

export function subjectDirectory(database: Database): SubjectDirectory {
  // In a statement of its own, whose row locks the members' statement then starts from: in the same one, a second put of
  // the same subject would have waited here and yet removed members by a snapshot from before the first.
  const putSubjects = database.statement(
    "subjects_put",
    `INSERT INTO {subjects} (tenant, id, name, locale, zone, fields)
     SELECT tenant, id, name, locale, zone, fields
     FROM jsonb_to_recordset($1) AS s (tenant text, id text, name text, locale text, zone text, fields jsonb)
     ORDER BY tenant COLLATE "C", id COLLATE "C"
     ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, locale = excluded.locale, zone = excluded.zone,
       fields = excluded.fields`,
  );

  const putMembers = database.statement(
    "subjects_put_members",
    `WITH listed AS (
       SELECT s.tenant, s.id AS subject, m.*
       FROM jsonb_to_recordset($1) AS s (tenant text, id text, members jsonb),
         jsonb_to_recordset(s.members) AS m (id text, address text, name text, "firstName" text, "lastName" text,
           role text, locale text, zone text)
     ), removed AS (
       DELETE FROM {members} m USING jsonb_to_recordset($1) AS s (tenant text, id text)
       WHERE m.tenant = s.tenant AND m.subject = s.id AND NOT EXISTS (
         SELECT FROM listed l WHERE l.tenant = m.tenant AND l.subject = m.subject AND l.id = m.id)
     )
     INSERT INTO {members} (tenant, subject, id, address, name, first_name, last_name, role, locale, zone)
     SELECT tenant, subject, id, address, name, "firstName", "lastName", role, locale, zone FROM listed
     ON CONFLICT (tenant, subject, id) DO UPDATE SET address = excluded.address, name = excluded.name,
       first_name = excluded.first_name, last_name = excluded.last_name, role = excluded.role,
       locale = excluded.locale, zone = excluded.zone`,
  );

  const subjectColumns = "tenant, id, name, locale, zone, fields";
  const subject = database.statement(
    "subjects_get",
    `SELECT ${subjectColumns} FROM {subjects} WHERE tenant = $1 AND id = $2`,
  );

  const members = database.statement(
    "subjects_members",
    `SELECT id, address, name, first_name AS "firstName", last_name AS "lastName", role, locale, zone FROM {members}
     WHERE tenant = $1 AND subject = $2 AND ($3::text[] IS NULL OR role = ANY ($3)) ORDER BY id`,
  );

  const list = database.statement(
    "subjects_list",
    // Every id is greater than '': keys are not empty.
    `SELECT ${subjectColumns} FROM {subjects} WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`,
  );

  return {
    async put({ subjects }) {
      const last = new Map<string, (typeof subjects)[number]>();
      for (const entry of subjects) {
        const key = `${entry.tenant}\0${entry.id}`;
        // Postgres refuses to touch a row twice in one statement; the later entry wins, as if put after the earlier.
        last.set(key, { ...entry, members: entry.members ?? last.get(key)?.members ?? null });
      }
      if (last.size === 0) return;
      const entries = [...last.values()];
      const listed = entries.filter((entry) => entry.members !== null);
      await database.transaction(async (run) => {
        await run(putSubjects, [JSON.stringify(entries.map(({ members: _, ...entry }) => entry))]);
        if (listed.length === 0) return;
        await run(putMembers, [JSON.stringify(listed.map(({ tenant, id, members }) => ({ tenant, id, members })))]);
      });
    },

    async get({ tenant, id }) {
      const [row] = await database.run<Subject>(subject, [tenant, id]);
      return row ?? null;
    },

    members: (input) =>
      database.run<Member>(members, [
        ...[input.tenant, input.subject],
        input.roles === undefined ? null : textArray(input.roles),
      ]),

    list: ({ tenant, after = "", limit }) => database.run<Subject>(list, [tenant, after, limit]),
  };
}

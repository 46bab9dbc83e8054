import type { Member, Subject, SubjectDirectory } from "@milepost/core/store";
import { allOf, list } from "./conditions.js";
import type { Driver } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const subjectCodec: RowCodec<Subject> = rowCodec<Subject>({
  tenant: "plain",
  id: "plain",
  name: "plain",
  locale: "plain",
  zone: "plain",
  fields: "json",
});

const memberCodec: RowCodec<Member> = rowCodec<Member>({
  id: "plain",
  address: "plain",
  name: "plain",
  firstName: "plain",
  lastName: "plain",
  role: "plain",
  locale: "plain",
  zone: "plain",
});

export function subjectDirectory(driver: Driver): SubjectDirectory {
  return {
    put({ subjects }) {
      return driver.write((step) => {
        for (const { members, ...subject } of subjects) {
          step.run(
            `INSERT OR REPLACE INTO {subjects} (${subjectCodec.columns}) VALUES (${subjectCodec.marks})`,
            ...subjectCodec.values(subject),
          );
          if (members === null) continue;
          step.run("DELETE FROM {members} WHERE tenant = ? AND subject = ?", subject.tenant, subject.id);
          for (const member of members) {
            step.run(
              `INSERT INTO {members} (tenant, subject, ${memberCodec.columns}) VALUES (?, ?, ${memberCodec.marks})`,
              ...[subject.tenant, subject.id, ...memberCodec.values(member)],
            );
          }
        }
      });
    },

    get({ tenant, id }) {
      return driver.read((step) => {
        const row = step.get("SELECT * FROM {subjects} WHERE tenant = ? AND id = ?", tenant, id);
        return row === undefined ? null : subjectCodec.decode(row);
      });
    },

    members({ tenant, subject, roles }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["subject = ?", subject],
        ["role IN (SELECT value FROM json_each(?))", list(roles)],
      ]);
      const sql = `SELECT * FROM {members} WHERE ${where} ORDER BY id`;
      return driver.read((step) => step.all(sql, ...values).map(memberCodec.decode));
    },

    list({ tenant, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["id > ?", after],
      ]);
      const sql = `SELECT * FROM {subjects} WHERE ${where} ORDER BY id LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(subjectCodec.decode));
    },
  };
}

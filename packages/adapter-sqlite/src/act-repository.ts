import type { Act, ActRepository, RecordedAct } from "@milepost/core/store";
import { allOf } from "./conditions.js";
import type { Driver, Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

const columns = {
  tenant: "plain",
  entity: "plain",
  entityId: "plain",
  act: "plain",
  by: "plain",
  why: "plain",
  at: "time",
} as const;
const actCodec: RowCodec<Act> = rowCodec<Act>(columns);
const recordedCodec: RowCodec<RecordedAct> = rowCodec<RecordedAct>({ ...columns, number: "plain" });

export function actRepository(driver: Driver): ActRepository {
  return {
    list({ tenant, entity, entityId, by, after, limit }) {
      const { where, values } = allOf([
        ["tenant = ?", tenant],
        ["entity = ?", entity],
        ["entity_id = ?", entityId],
        ["by = ?", by],
        ["number > ?", after],
      ]);
      const sql = `SELECT * FROM {acts} WHERE ${where} ORDER BY number LIMIT ?`;
      return driver.read((step) => step.all(sql, ...values, limit).map(recordedCodec.decode));
    },
  };
}

export function insertAct(step: Step, act: Act): void {
  step.run(`INSERT INTO {acts} (${actCodec.columns}) VALUES (${actCodec.marks})`, ...actCodec.values(act));
}

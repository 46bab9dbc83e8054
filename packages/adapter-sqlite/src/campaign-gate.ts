import { type Campaign, type Gate, gateOf, gatePatch } from "@milepost/core/store";
import type { Step } from "./driver.js";
import { type RowCodec, rowCodec } from "./row-codec.js";

type GateColumns = Pick<Campaign, "state" | "loaded" | "changing" | "notBefore" | "rate" | "usage">;

const codec: RowCodec<GateColumns> = rowCodec<GateColumns>({
  state: "plain",
  loaded: "flag",
  changing: "plain",
  notBefore: "time",
  rate: "json",
  usage: "json",
});

/** What a row of the campaign has to pass; null for `""`, and for one that is not stored. */
export function findGate(step: Step, tenant: string, campaign: string): Gate | null {
  if (campaign === "") return null;
  const row = step.get(`SELECT ${codec.columns} FROM {campaigns} WHERE tenant = ? AND id = ?`, tenant, campaign);
  return row === undefined ? null : gateOf(codec.decode(row));
}

export function storeGate(step: Step, tenant: string, campaign: string, gate: Gate): void {
  const { set, values } = codec.assignments(gatePatch(gate));
  step.run(`UPDATE {campaigns} SET ${set} WHERE tenant = ? AND id = ?`, ...values, tenant, campaign);
}

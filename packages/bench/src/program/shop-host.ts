// A host whose shops spend: those that the hosts before it left, and shops of its own. It dies at the point it is told, or
// whenever somebody kills it. One that lives says how often it passed each point, and what it left undone.
import { createMilepost, MilepostError } from "@milepost/core";
import { openFailpointPlace } from "../fault/failpoint-place.js";
import { Failpoints, type Target } from "../fault/failpoints.js";
import type { Place } from "../place/place.js";
import { runProgram } from "../process/link.js";
import { isCursed, shopBudgets, spend, spendMetric } from "../workload/shop-budgets.js";
import { untilAnswered } from "../workload/until-answered.js";

export interface ShopHostInput {
  readonly place: Place;
  readonly shops: readonly string[];
  readonly target?: Target;
}

export type ShopHostMessage =
  | { readonly at: "work" }
  | {
      readonly at: "end";
      readonly milliseconds: number;
      readonly hits: readonly (readonly [point: string, hits: number])[];
      /** Shops that are due still, although nothing is wrong with them. */
      readonly heldUp: readonly string[];
      /** Other errors than those of the cursed shops. */
      readonly errors: readonly string[];
    };

await runProgram<ShopHostInput>(async ({ place, shops, target }, link) => {
  const points = new Failpoints(target);
  const { store, close } = openFailpointPlace(place, points);
  const errors: string[] = [];
  const milepost = createMilepost({ store, milestones: [shopBudgets] });
  milepost.on("error", ({ error }) => {
    if (!MilepostError.is(error) || error.code !== "effect_failed") errors.push(String(error));
  });
  await milepost.ready();
  const begun = performance.now();
  link.send({ at: "work" } satisfies ShopHostMessage);

  // side by side: what is wrong with one is in the same batch as the others
  await Promise.all(shops.map((shop) => spend(milepost, shop)));
  await untilAnswered(() => milepost.runOnce());

  const counters = await milepost.counters.list({ metric: spendMetric, limit: 10_000 });
  const left = counters.filter(({ due, subject }) => due && !isCursed(subject));
  const milliseconds = performance.now() - begun;
  const heldUp = left.map(({ subject }) => subject);
  await milepost.close();
  await close();
  link.send({ at: "end", milliseconds, hits: [...points.hits], heldUp, errors } satisfies ShopHostMessage);
});

import type { PostgresClient, PostgresPool } from "@milepost/adapter-postgres";
import type { Failpoints } from "./failpoints.js";

const writes = /\b(INSERT|UPDATE|DELETE)\b/;

/** A pool whose clients pass the failpoints inside a transaction and around the message that commits it. */
export function failpointPool(pool: PostgresPool, points: Failpoints): PostgresPool {
  return {
    connect: (done) => pool.connect((error, client) => done(error, client && failpointClient(client, points))),
  };
}

function failpointClient(client: PostgresClient, points: Failpoints): PostgresClient {
  let inTransaction = false;
  return {
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    release: (error) => client.release(error),
    async query(query) {
      const { step } = points;
      const { text } = query;
      if (step === undefined) return client.query(query);
      if (text.startsWith("BEGIN")) {
        inTransaction = true;
        return client.query(query);
      }
      const alone = !inTransaction;
      if (text === "COMMIT" || text === "ROLLBACK") inTransaction = false;
      if (text === "COMMIT" || (alone && writes.test(text))) {
        points.pass(`${step}/commit:before`);
        const dies = points.arrive(`${step}/commit:after`);
        const answer = client.query(query);
        if (dies) {
          // pg hands the message to the socket in the next tick; no answer is read before the turn ends
          await new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
          points.die();
        }
        return answer;
      }
      const answer = await client.query(query);
      if (inTransaction && writes.test(text)) points.pass(`${step}/uncommitted`);
      return answer;
    },
  };
}

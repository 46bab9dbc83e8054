import { MilepostError } from "../errors.js";
import type { InboxRepository } from "./inbox-repository.js";

/** The inbox of a store without `supports.hostTransactions`: always empty. */
export function noInbox(): InboxRepository {
  return {
    enqueue() {
      throw new MilepostError(
        "unsupported",
        "This store cannot record inside a transaction of the host: call record() after its commit instead.",
        { path: "tx" },
      );
    },
    list: async () => [],
    refuse: async () => {},
    retry: async () => 0,
  };
}

// A store as a host outside the workspace would write it: a client of one that lives elsewhere. What goes to and fro are
// copies, later, as over a wire; an error crosses as its fields. TOY_FAULT breaks it on purpose.
import { memoryStore } from "@milepost/core";
import { MilepostError, noInbox, noWakeUps, type Store } from "@milepost/core/store";

/** One call of a method such as `counters.add`. */
// biome-ignore lint/suspicious/noExplicitAny: a wire knows no types
type Wire = (method: string, input: any) => Promise<any>;

const faults: Readonly<Record<string, (wire: Wire) => Wire>> = {
  "settlements-get-lost": (wire) => async (method, input) =>
    method === "notifications.settle" ? input.settlements.map(() => "settled") : wire(method, input),
  "repeats-count-again": (wire) => async (method, input) => {
    if (method !== "counters.add") return wire(method, input);
    const events = input.events.map((event: object) => ({ ...event, id: crypto.randomUUID() }));
    return wire(method, { ...input, events });
  },
};

/** A new store, and a second, independent client of it. */
export function openToy(): { readonly store: Store; another(): Promise<Store> } {
  const server = memoryStore();
  return { store: client(server), another: async () => client(server) };
}

function client(server: Store): Store {
  const wire = (faults[process.env.TOY_FAULT ?? ""] ?? ((unbroken) => unbroken))(wireTo(server));
  const repository = <Name extends keyof Store>(name: Name): Store[Name] => {
    const methods = Object.keys(server[name]).map((method) => [
      method,
      (input: unknown) => wire(`${name}.${method}`, input),
    ]);
    return Object.fromEntries(methods);
  };
  return {
    supports: { persistence: true, durableCommits: true, hostTransactions: false, effect: false, wakeUps: false },
    definitions: repository("definitions"),
    counters: repository("counters"),
    parking: repository("parking"),
    crossings: repository("crossings"),
    notices: repository("notices"),
    notifications: repository("notifications"),
    lanes: repository("lanes"),
    acts: repository("acts"),
    campaigns: repository("campaigns"),
    recurrences: repository("recurrences"),
    templates: repository("templates"),
    providers: repository("providers"),
    suppressions: repository("suppressions"),
    contacts: repository("contacts"),
    contactImports: repository("contactImports"),
    deliveryEvents: repository("deliveryEvents"),
    events: repository("events"),
    limits: repository("limits"),
    levels: repository("levels"),
    subjects: repository("subjects"),
    workers: repository("workers"),
    inbox: noInbox(),
    verify: (input) => server.verify(input),
    migrate: () => server.migrate(),
    listen: noWakeUps,
    close: async () => {},
  };
}

function wireTo(server: Store): Wire {
  return async (method, input) => {
    const [repository, name] = method.split(".") as [keyof Store, string];
    const copy = structuredClone(input);
    await new Promise(setImmediate);
    try {
      const methods = server[repository] as unknown as Readonly<Record<string, (input: unknown) => Promise<unknown>>>;
      return structuredClone(await methods[name]?.(copy));
    } catch (error) {
      if (!MilepostError.is(error)) throw new MilepostError("store_failed", "the toy store failed", { cause: error });
      const { code, message, path, expected } = error;
      throw new MilepostError(code, message, { ...(path && { path }), ...(expected && { expected }) });
    }
  };
}

import type { Store } from "@milepost/core";

type Call = (input: unknown) => Promise<unknown>;

/** No step of its own: it runs inside the host's transaction, synchronously where the driver is. */
export const inHostTransaction = "inbox.enqueue";

/** A store whose every step `<repository>.<name>` runs inside `around`, which must make the call and answer with it. */
export function aroundSteps(
  store: Store,
  around: (step: string, call: () => Promise<unknown>, input: unknown) => Promise<unknown>,
): Store {
  const wrapped = Object.entries(store).map(([repository, steps]) => {
    if (!isRepository(steps)) return [repository, steps] as const;
    const calls = Object.entries(steps).map(([name, call]) => {
      if (`${repository}.${name}` === inHostTransaction) return [name, call.bind(steps)] as const;
      const step: Call = (input) => around(`${repository}.${name}`, () => call.call(steps, input), input);
      return [name, step] as const;
    });
    return [repository, Object.fromEntries(calls)] as const;
  });
  return Object.fromEntries(wrapped) as unknown as Store;
}

/** The names of all steps a store has. */
export function stepNames(store: Store): readonly string[] {
  return Object.entries(store).flatMap(([repository, steps]) =>
    isRepository(steps) ? Object.keys(steps).map((name) => `${repository}.${name}`) : [],
  );
}

function isRepository(member: unknown): member is Readonly<Record<string, Call>> {
  const steps = typeof member === "object" && member !== null ? Object.values(member) : [];
  return steps.length > 0 && steps.every((step) => typeof step === "function");
}

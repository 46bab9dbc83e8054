/** A machine whose every state can be visited: where it starts, and what can happen next. */
export interface Machine<State> {
  readonly start: State;
  /** What can happen in a state. Throws where something happened that was promised not to. */
  next(state: State): Iterable<Step<State>>;
  /** The same text for states between which no later step can tell a difference. */
  key(state: State): string;
  /** Throws where something is not as it was promised. */
  check(state: State): void;
  /** Whether everything has come to its end. */
  ended(state: State): boolean;
}

export interface Step<State> {
  readonly name: string;
  /** Makes the step. Throws where it does what was promised not to happen. */
  take(): State;
  /** Nobody need do it: an end must be reached without such steps. */
  readonly chosen?: boolean;
}

export interface Explored {
  readonly states: number;
  readonly steps: number;
  /** The shortest way to something that was promised not to happen; null = there is none. */
  readonly broken: { readonly why: string; readonly way: readonly string[] } | null;
}

/**
 * Visits every state that can be reached, those with the fewest steps first. Stops at the first state that breaks a
 * promise; when all were visited, looks whether each of them can still come to an end.
 */
export function explore<State>(machine: Machine<State>): Explored {
  const states: State[] = [];
  const cameFrom: number[] = [];
  const cameBy: string[] = [];
  const placeOf = new Map<string, number>();
  /** Pairs: from, to. */
  const unchosen: number[] = [];
  let steps = 0;

  const wayTo = (place: number): readonly string[] => {
    const way: string[] = [];
    for (let at = place; at > 0; at = cameFrom[at]!) way.unshift(cameBy[at]!);
    return way;
  };
  const visit = (state: State, from: number, by: string): number => {
    const key = machine.key(state);
    const known = placeOf.get(key);
    if (known !== undefined) return known;
    const place = states.push(state) - 1;
    placeOf.set(key, place);
    cameFrom.push(from);
    cameBy.push(by);
    machine.check(state);
    return place;
  };

  visit(machine.start, 0, "");
  for (let at = 0; at < states.length; at++) {
    for (const step of machine.next(states[at]!)) {
      steps++;
      try {
        const to = visit(step.take(), at, step.name);
        if (!step.chosen) unchosen.push(at, to);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { states: states.length, steps, broken: { why, way: [...wayTo(at), step.name] } };
      }
    }
  }
  const stuck = endless(states.map(machine.ended), unchosen);
  const broken = stuck === undefined ? null : { why: "no end can be reached", way: wayTo(stuck) };
  return { states: states.length, steps, broken };
}

/** The first state from which no ended one can be reached by the given steps. */
function endless(ended: readonly boolean[], steps: readonly number[]): number | undefined {
  const before: number[][] = ended.map(() => []);
  for (let i = 0; i < steps.length; i += 2) before[steps[i + 1]!]!.push(steps[i]!);
  const reaches = [...ended];
  const queue = ended.flatMap((end, place) => (end ? [place] : []));
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    for (const from of before[place]!) {
      if (reaches[from]) continue;
      reaches[from] = true;
      queue.push(from);
    }
  }
  const first = reaches.indexOf(false);
  return first < 0 ? undefined : first;
}

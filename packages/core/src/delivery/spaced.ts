/** Calls that are let through at intervals. */
export interface Spaced {
  call(): void;
  /** Lets nothing through any more. */
  cancel(): void;
}

/**
 * Lets a call through at once, and after it no other for `gap` milliseconds: those that come meanwhile become one at the
 * end. So what happens once is answered without delay, and a flood of it costs a known amount.
 */
export function spaced(gap: number, through: () => void): Spaced {
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  let cancelled = false;

  function pass(): void {
    again = false;
    through();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) pass();
    }, gap);
  }
  return {
    call() {
      if (cancelled) return;
      if (timer === undefined) pass();
      else again = true;
    },
    cancel() {
      cancelled = true;
      clearTimeout(timer);
    },
  };
}

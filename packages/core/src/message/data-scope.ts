/** A value of the data. */
export interface Found {
  readonly value: unknown;
  /** The scope it was found in; undefined where there is none. */
  readonly scope: DataScope | undefined;
}

/**
 * Data as a section sees it: its own, then that of the sections around it. Only own properties of plain objects and lists
 * are found, so nothing of a prototype, and never a function.
 */
export class DataScope {
  readonly #view: unknown;
  /** Where the view was found: of an item of a list, where the list was. */
  readonly #from: DataScope | undefined;
  readonly #path: readonly string[];
  readonly #around: DataScope | undefined;

  constructor(view: unknown, from?: DataScope, path: readonly string[] = [], around?: DataScope) {
    this.#view = view;
    this.#from = from;
    this.#path = path;
    this.#around = around;
  }

  /** What a section over `view` sees, which was found in `from` under `path`. */
  inner(view: unknown, from: DataScope | undefined, path: readonly string[]): DataScope {
    return new DataScope(view, from, path, this);
  }

  /**
   * The value at `path`, the empty one for what the section is about. Null is a value, but not one that can be merged: it
   * keeps names further out from being found. `step` is called for each scope that is looked at.
   */
  find(path: readonly string[], step: () => void = () => {}): Found {
    for (let scope: DataScope | undefined = this; scope !== undefined; scope = scope.#around) {
      step();
      const value = ownValue(scope.#view, path);
      if (value !== undefined || path.length === 0) return { value: value ?? undefined, scope };
    }
    return { value: undefined, scope: undefined };
  }

  /** The names that lead from the root to `path` of this scope, joined by dots. */
  fieldOf(path: readonly string[]): string {
    const own = path.join(".");
    const from = this.#from?.fieldOf(this.#path) ?? "";
    return from === "" || own === "" ? from + own : `${from}.${own}`;
  }
}

/** Null included; undefined where the path ends before it. */
function ownValue(view: unknown, path: readonly string[]): unknown {
  let value = view;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === "function" ? undefined : value;
}

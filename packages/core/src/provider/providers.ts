import * as z from "zod";
import type { Quota, Rate } from "../delivery/gate.js";
import { limitFields } from "../delivery/lanes.js";
import { describeError, MilepostError, oneLine } from "../errors.js";
import type { AccountCheck, AccountShape, Notifier } from "../notifier/notifier.js";
import { defaultTenant } from "../recording/event.js";
import { redact } from "../redact.js";
import type { Runtime } from "../runtime.js";
import type { KeyRing } from "../secret/key-ring.js";
import { providerNotFound } from "../store/refusals.js";
import type { Store } from "../store/store.js";
import { storeNow } from "../store-clock.js";
import { type Agrees, keySchema, pageFields, parseInput, parsePresent, whySchema } from "../validation.js";
import {
  credentialsPlace,
  credentialsSchema,
  openedCredentials,
  type ProviderCredentials,
  ringOf,
  sealedCredentials,
} from "./credentials.js";
import type { ProviderAddress, ProviderKey } from "./provider.js";
import type { ProviderAccounts } from "./provider-account.js";
import type { ProviderActInput, ProviderChange } from "./provider-moves.js";
import { accountView, type ProviderView } from "./provider-view.js";
import type { Account } from "./stand-in.js";

/** Whose account, who acts on it, and why: kept with the act. */
export interface ProviderAct {
  readonly tenant?: string;
  readonly id: string;
  readonly by: string;
  readonly why: string;
}

/** An address, with the name that is shown with it. */
export interface ProviderAddressInput {
  readonly address: string;
  readonly name?: string;
}

/** What a person says of an account. */
interface ProviderFields {
  /** Shown to people. */
  readonly name?: string;
  /** Who its messages are from. */
  readonly sender?: ProviderAddressInput;
  readonly replyTo?: ProviderAddressInput | null;
  /** What is no secret: host, port, user; which, the notifier says. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Stored sealed, answered never; null for none. */
  readonly credentials?: ProviderCredentials | null;
  /** The lowest stands in first for one that cannot send; 0 unless said. */
  readonly order?: number;
  readonly rate?: Rate | null;
  /** 500 on each day of UTC unless said; null for none. */
  readonly quota?: Quota | null;
}

export interface AddProvider extends ProviderAct, ProviderFields {
  /** `gmail`, `outlook`, `smtp`, or a host's own. */
  readonly kind: string;
  readonly sender: ProviderAddressInput;
  /** The notifier that sends through it; the engine's only one with accounts unless said. */
  readonly notifier?: string;
  /** New messages of the tenant go out through it; the first account of a channel is primary, whatever is said. */
  readonly primary?: boolean;
}

export interface ChangeProvider extends ProviderAct, ProviderFields {
  readonly kind?: string;
}

export interface ProviderQuery {
  readonly tenant?: string;
  /** The last id of the page before. */
  readonly after?: string;
  /** 100 unless said. */
  readonly limit?: number;
}

/**
 * Accounts of tenants at providers, through which a notifier with accounts sends. Messages wait in the account's lane,
 * `<notifier>/<id>`, whose rate and quota are the account's; what it cannot send, others of the tenant do.
 */
export interface Providers {
  /** Throws `act_refused` where the id is taken. A removed one's id can be used again. */
  add(input: AddProvider): Promise<ProviderView>;
  /** What is not named stays. With other credentials, settings or kind, a failing account is active again. */
  change(input: ChangeProvider): Promise<ProviderView>;
  /** Its credentials are deleted at once; what waits in its lane goes out through another account. */
  remove(input: ProviderAct): Promise<ProviderView>;
  makePrimary(input: ProviderAct): Promise<ProviderView>;
  /** No call starts through it from then on; others stand in. */
  pause(input: ProviderAct): Promise<ProviderView>;
  /** A paused or failing one is active again. */
  resume(input: ProviderAct): Promise<ProviderView>;
  /**
   * Logs in, sends nothing, and keeps what came of it: a good login makes a failing account active, a refused one makes an
   * active one failing. Of no answer it is only noted.
   */
  validate(input: ProviderAct): Promise<ProviderView>;
  /** By id. */
  list(query?: ProviderQuery): Promise<readonly ProviderView[]>;
  /**
   * Seals all credentials, of all tenants, with the ring's current key; those whose key is the current one stay. Others may
   * send meanwhile. What cannot be opened is left as it is, and counted.
   */
  reseal(): Promise<{ readonly resealed: number; readonly unreadable: number }>;
}

const idSchema = keySchema.max(100).regex(/^[^/\s]+$/, "1 to 100 characters without slashes and spaces");
const addressSchema = z.strictObject({
  address: z.string().trim().min(1).max(320),
  name: z.string().max(200).optional(),
});
const actFields = { tenant: keySchema.default(defaultTenant), id: idSchema, by: keySchema, why: whySchema };
const fields = {
  name: z.string().min(1).max(200).optional(),
  sender: addressSchema.optional(),
  replyTo: addressSchema.nullish(),
  settings: z.record(z.string().min(1).max(100), z.union([z.string().max(1_000), z.number(), z.boolean()])).optional(),
  credentials: credentialsSchema.nullish(),
  order: z.int().min(0).max(1_000_000).optional(),
  ...limitFields,
};
const actSchema = z.strictObject(actFields);
const addSchema = z.strictObject({
  ...actFields,
  ...fields,
  kind: keySchema,
  sender: addressSchema,
  notifier: keySchema.optional(),
  primary: z.boolean().optional(),
});
const changeSchema = z.strictObject({ ...actFields, ...fields, kind: keySchema.optional() });
const querySchema = z.strictObject({ ...pageFields, after: keySchema.optional() });

true satisfies Agrees<typeof actSchema, ProviderAct>;
true satisfies Agrees<typeof querySchema, ProviderQuery>;

/** Milliseconds that a validation may take. */
const validationTime = 30_000;
const resealedAtOnce = 500;
const defaultQuota: Quota = { count: 500, per: "day:UTC" };

export function providersOver(
  store: Store,
  runtime: Runtime,
  notifiers: ReadonlyMap<string, Notifier>,
  ring: KeyRing | undefined,
  accounts: ProviderAccounts,
  opened: () => void,
): Providers {
  const clock = runtime.now ?? (() => new Date());
  const { providers } = store;
  const families = [...notifiers.values()].filter((notifier) => notifier.accounts !== undefined);

  function familyNamed(name: string | undefined): Notifier {
    const found =
      name === undefined && families.length === 1 ? families[0] : families.find((each) => each.name === name);
    if (found !== undefined) return found;
    const known = families.map((each) => JSON.stringify(each.name)).join(", ");
    const expected = `a notifier of this engine that sends through accounts: ${known || "there is none"}`;
    throw new MilepostError("invalid_options", `notifier: ${expected}`, { path: "notifier", expected });
  }

  function refuseUnfit(family: Notifier, shape: AccountShape): void {
    const problem = family.accounts?.problem(shape) ?? null;
    if (problem === null) return;
    throw new MilepostError("invalid_options", `${problem.path}: ${problem.expected}`, problem);
  }

  const view = (account: Account) => accountView(account, clock());

  async function acted(input: ProviderAct, act: "make_primary" | "pause" | "resume" | "remove"): Promise<ProviderView> {
    const person = parseInput(actSchema, input, "invalid_options");
    const account = await providers.act({ ...person, move: { act }, ...storeNow(runtime) });
    opened();
    return view(account!);
  }

  return {
    async add(input) {
      const given = parsePresent<AddProvider & { tenant: string }>(addSchema, input, "invalid_options");
      const { tenant, id, by, why, kind, rate = null, quota = defaultQuota, credentials = null } = given;
      const family = familyNamed(given.notifier);
      const shape = {
        kind,
        sender: addressOf(given.sender),
        replyTo: given.replyTo ? addressOf(given.replyTo) : null,
        settings: given.settings ?? {},
      };
      refuseUnfit(family, { ...shape, credentials });
      const provider = {
        ...{ tenant, id, family: family.name, channel: family.channel, name: given.name ?? id, ...shape },
        credentials: credentials === null ? null : sealedCredentials(ring, { tenant, id }, credentials),
        primary: given.primary ?? false,
        position: given.order ?? 0,
      };
      const account = await providers.add({ provider, rate, quota, by, why, ...storeNow(runtime) });
      opened();
      return view(account);
    },

    async change(input) {
      const given = parsePresent<ChangeProvider & { tenant: string }>(changeSchema, input, "invalid_options");
      const { tenant, id, by, why, kind, name, sender, replyTo, settings, credentials, order, rate, quota } = given;
      const key = { tenant, id };
      const before = await providers.get(key);
      if (before === null || before.state === "removed") throw providerNotFound(id);
      const change: ProviderChange = {
        ...(kind !== undefined && { kind }),
        ...(name !== undefined && { name }),
        ...(sender !== undefined && { sender: addressOf(sender) }),
        ...(replyTo !== undefined && { replyTo: replyTo && addressOf(replyTo) }),
        ...(settings !== undefined && { settings }),
        ...(credentials !== undefined && {
          credentials: credentials && sealedCredentials(ring, key, credentials),
        }),
        ...(order !== undefined && { position: order }),
      };
      const { credentials: sealed, ...after } = { ...before, ...change };
      if (
        kind !== undefined ||
        sender !== undefined ||
        replyTo ||
        settings !== undefined ||
        credentials !== undefined
      ) {
        const now = credentials === undefined ? openedOrNull(key, sealed) : credentials;
        refuseUnfit(familyNamed(before.family), { ...after, credentials: now });
      }
      const move: ProviderActInput = { act: "change", change };
      const account = await providers.act({ ...key, by, why, move, rate, quota, ...storeNow(runtime) });
      opened();
      return view(account!);
    },

    remove: (input) => acted(input, "remove"),
    makePrimary: (input) => acted(input, "make_primary"),
    pause: (input) => acted(input, "pause"),
    resume: (input) => acted(input, "resume"),

    async validate(input) {
      const { tenant, id, by, why } = parseInput(actSchema, input, "invalid_options");
      const provider = await providers.get({ tenant, id });
      if (provider === null || provider.state === "removed") throw providerNotFound(id);
      const family = familyNamed(provider.family);
      const account = accounts.of({ tenant, id });
      const signal = AbortSignal.timeout(validationTime);
      const found = await checked(provider.revision, () => family.accounts!.validate(account, signal));
      const problem = found.ok ? null : { detail: oneLine(redact(found.why)), refused: found.refused };
      const move: ProviderActInput = { act: "validate", revision: found.revision, problem };
      const validated = await providers.act({ tenant, id, by, why, move, ...storeNow(runtime) });
      opened();
      if (validated !== null) return view(validated);
      throw new MilepostError("act_refused", `Account "${id}" was changed while it was validated; validate it again`);
    },

    async list(query = {}) {
      const wanted = parsePresent<Required<Pick<ProviderQuery, "tenant" | "limit">>>(
        querySchema,
        query,
        "invalid_options",
      );
      return (await providers.list(wanted)).map(view);
    },

    async reseal() {
      const keys = ringOf(ring);
      let resealed = 0;
      let unreadable = 0;
      for (let after: ProviderKey | null = null; ; ) {
        const page = await providers.sealed({ after, limit: resealedAtOnce });
        for (const { tenant, id, credentials } of page) {
          const from = credentials!;
          try {
            if (!keys.needsReseal(from)) continue;
            const to = keys.reseal(from, credentialsPlace({ tenant, id }));
            // what was renewed meanwhile was sealed with the current key
            if (await providers.reseal({ tenant, id, from, to })) resealed++;
          } catch (error) {
            if (!MilepostError.is(error) || error.code !== "secret_unreadable") throw error;
            unreadable++;
          }
        }
        if (page.length < resealedAtOnce) return { resealed, unreadable };
        const last = page.at(-1)!;
        after = { tenant: last.tenant, id: last.id };
      }
    },
  };

  /** What cannot be opened is no reason against other settings: with new credentials it is put right. */
  function openedOrNull(key: ProviderKey, sealed: string | null): ProviderCredentials | null {
    return sealed === null ? null : openedCredentials(ring, key, sealed);
  }
}

function addressOf({ address, name = "" }: ProviderAddressInput): ProviderAddress {
  return { address, name };
}

/** What a notifier throws is no answer of the other side's. */
async function checked(revision: number, validate: () => Promise<AccountCheck>): Promise<AccountCheck> {
  try {
    return await validate();
  } catch (error) {
    const unreadable = MilepostError.is(error) && error.code === "secret_unreadable";
    return { ok: false, revision, why: describeError(error), refused: unreadable };
  }
}

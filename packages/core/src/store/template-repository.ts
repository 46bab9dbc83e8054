import type {
  NewTemplate,
  NewTemplateVersion,
  StoredTemplate,
  TemplateAct,
  TemplateKey,
  TemplateOrigin,
  TemplateVersion,
} from "../message/stored-template.js";

/** Who did it, and why: kept as an act on the entity `template`, whose id is the name, in the same transaction. */
interface Person {
  readonly by: string;
  readonly why: string;
  readonly now?: Date;
}

/**
 * Templates with their versions. The content of each variant is stored under its hash, where notifications find it, and
 * the hash of a notification leads back to the variants, and so to the versions, that have it.
 */
export interface TemplateRepository {
  /**
   * Stores a template with its first version, which is active, and the act `create`. Where the name exists nothing is
   * written, and that template is answered.
   */
  create(
    input: Person & { readonly template: NewTemplate; readonly version: NewTemplateVersion },
  ): Promise<{ readonly created: boolean; readonly template: StoredTemplate }>;

  /**
   * Adds a version by core's `versionMove`, and records the act `version`. Of two that were made from one version at once
   * the second is refused. Throws `not_found` and `act_refused`.
   */
  addVersion(
    input: TemplateKey & Person & { readonly parent: number; readonly version: NewTemplateVersion },
  ): Promise<TemplateVersion>;

  /**
   * An act by core's `templateMove`, recorded by its name. `default` takes the place of the default that the category has,
   * in the same transaction. Throws `not_found` and `act_refused`.
   */
  act(input: TemplateKey & Person & { readonly act: TemplateAct; readonly version?: number }): Promise<StoredTemplate>;

  get(input: TemplateKey): Promise<StoredTemplate | null>;

  /** Templates that match every given filter, ordered by name, after `after`. */
  list(input: {
    readonly tenant: string;
    readonly category?: string;
    readonly origin?: TemplateOrigin;
    readonly isDefault?: boolean;
    readonly archived?: boolean;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly StoredTemplate[]>;

  /** One version with its variants, the active one unless `number` is given; null if there is none. */
  version(input: TemplateKey & { readonly number?: number }): Promise<TemplateVersion | null>;

  /** A template's versions, ordered by number, after `after`. */
  versions(
    input: TemplateKey & { readonly after: number; readonly limit: number },
  ): Promise<readonly TemplateVersion[]>;
}

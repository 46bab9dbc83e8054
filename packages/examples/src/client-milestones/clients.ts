import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Milepost, MilepostError } from "@milepost/core";
import * as z from "zod";
import { CommandError } from "../command.js";
import { fileProblem } from "../file-problem.js";

export const bundledClients: string = fileURLToPath(new URL("sample/clients.json", import.meta.url));

/** Owners and Managers are told of a milestone, Viewers never. */
export const toldRoles = ["owner", "manager"] as const;

const roles: readonly ["Owner", "Manager", "Viewer"] = ["Owner", "Manager", "Viewer"];

const clientsSchema = z.array(
  z.object({
    id: z.string().min(1),
    name: z.string().min(1),
    domain: z.string().min(1),
    members: z.array(
      z.object({
        email: z.email(),
        firstName: z.string(),
        lastName: z.string(),
        role: z
          .string()
          .transform((role) => roles.find((known) => known.toLowerCase() === role.trim().toLowerCase()))
          .pipe(z.enum(roles, `must be one of ${roles.join(", ")}`)),
      }),
    ),
  }),
);

export interface Client {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly members: readonly {
    readonly email: string;
    readonly firstName: string;
    readonly lastName: string;
    readonly role: (typeof roles)[number];
  }[];
}

/** Throws `CommandError` with the file's name and the path of what is wrong in it. */
export async function readClients(file: string): Promise<readonly Client[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => refuse(`${file}: ${fileProblem(error)}`));
  const parsed = clientsSchema.safeParse(parsedJson(file, text));
  if (parsed.success) return parsed.data;
  const [{ path, message }, ...others] = parsed.error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return refuse(`${file}: ${path.length === 0 ? "" : `${z.core.toDotPath(path)}: `}${message}${more}`);
}

function parsedJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return refuse(`${file}: is no JSON: ${(error as Error).message}`);
  }
}

function refuse(what: string): never {
  throw new CommandError(`--clients ${what}`);
}

/** Hands clients and members to the engine's directory, where the views `clients` and `members` show them. */
export async function storeClients(milepost: Milepost, clients: readonly Client[]): Promise<void> {
  const subjects = clients.map(({ id, name, domain, members }) => ({
    ...{ id, name, fields: { domain } },
    members: members.map(({ email, ...member }) => ({ address: email, ...member })),
  }));
  await milepost.subjects.put(subjects).catch((error: unknown) => {
    // the engine has limits of its own, such as 200 bytes for an id; its paths begin with `subjects`
    if (MilepostError.is(error) && error.code === "invalid_subject") refuse(error.message.replace(/^subjects/, ""));
    throw error;
  });
}

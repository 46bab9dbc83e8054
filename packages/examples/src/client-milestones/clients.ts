import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Milepost } from "@milepost/core";
import * as z from "zod";

export const bundledClients: string = fileURLToPath(new URL("sample/clients.json", import.meta.url));

/** Owners and Managers are told of a milestone, Viewers never. */
export const toldRoles = ["owner", "manager"] as const;

const roles = ["Owner", "Manager", "Viewer"] as const;

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

export type Client = z.infer<typeof clientsSchema>[number];

/** Throws with the file's name and the path of what is wrong in it. */
export async function readClients(file: string): Promise<readonly Client[]> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new Error(`--clients ${file}: ${(error as Error).message}`);
  }
  const parsed = clientsSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Error(`--clients ${file}:\n${z.prettifyError(parsed.error)}`);
}

/** Hands clients and members to the engine's directory, where the views `clients` and `members` show them. */
export async function storeClients(milepost: Milepost, clients: readonly Client[]): Promise<void> {
  await milepost.contacts.put(
    clients.map(({ id, name, domain, members }) => ({
      ...{ id, name, fields: { domain } },
      members: members.map(({ email, ...member }) => ({ address: email, ...member })),
    })),
  );
}

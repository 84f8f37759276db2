import type { Plan } from "./plans.ts";

/** What a token may do: everything, look only, or send messages only. */
export const ROLES = ["full", "readonly", "publish"] as const;
export type Role = (typeof ROLES)[number];

/** What a request wants: to look, to change something, or to send messages. */
export type Access = "read" | "write" | "publish";

const ALLOWED: Readonly<Record<Role, readonly Access[]>> = {
  full: ["read", "write", "publish"],
  readonly: ["read"],
  publish: ["publish"],
};

/** Whether a token of this role may do that. Contract 00 §2. */
function mayAccess(role: Role, access: Access): boolean {
  return ALLOWED[role].includes(access);
}

/** Suspended by the operator, or about to be gone: nothing is accepted, and the caller is told why. */
export type Standing = "active" | "suspended" | "deleting";

/** Who sent a request, as its token proves. */
export interface Caller {
  readonly tenantId: string;
  readonly role: Role;
  readonly token: { readonly id: string; readonly name: string };
  readonly standing: Standing;
  readonly plan: Plan;
}

const NOT_ACTIVE = {
  suspended: "this tenant is suspended: ask the operator of this service",
  deleting: "this tenant is being deleted",
} as const;

const TOO_LITTLE: Readonly<Record<Role, string>> = {
  full: "this token may do everything",
  readonly: "this token is read-only: it may not change anything",
  publish: "this token may only publish, enqueue and send batches",
};

/** Why a caller who is known may not do this, in words; null when he may. */
export function accessProblem(caller: Caller, access: Access): string | null {
  if (caller.standing !== "active") return NOT_ACTIVE[caller.standing];
  return mayAccess(caller.role, access) ? null : TOO_LITTLE[caller.role];
}

/** Why the keys of a development tenant are not rotated. Contract 05 §4. */
export const SIGNING_KEYS_STAY =
  "the signing keys of a development tenant are not rotated: SDKs with QSTASH_DEV know them, and would refuse all deliveries. Set OMNISTORE_ADMIN_TOKEN and make a tenant by POST /admin/v1/tenants, and rotate its keys";

/** `current` signs; `next` is announced so that receivers can accept it before it signs. */
export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

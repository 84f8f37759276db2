/** What a token may do: everything, or look only. */
export const ROLES = ["full", "readonly"] as const;
export type Role = (typeof ROLES)[number];

/** Who sent a request, as its token proves. */
export interface Caller {
  readonly tenantId: string;
  readonly role: Role;
}

/** `current` signs; `next` is announced so that receivers can accept it before it signs. */
export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

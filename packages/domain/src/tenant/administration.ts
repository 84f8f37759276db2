import type { PageOutcome } from "../history/log-event.ts";
import type { AuditOperations } from "./audit.ts";
import type { BudgetSpent } from "./budget.ts";
import type { LimitOverrides, Plan, PlanName } from "./plans.ts";
import type { HourOfUsage, UsageQuery } from "./usage.ts";
import type { Caller, Role, SigningKeys, Standing } from "./tenant.ts";

/** A new tenant with its secrets, which cannot be read again later. */
export interface CreatedTenant {
  readonly id: string;
  readonly name: string;
  readonly plan: PlanName;
  readonly token: string;
  /** Looks, and changes nothing. Contract 03 §9. */
  readonly readonlyToken: string;
  readonly signingKeys: SigningKeys;
}

/** A tenant as its operator sees it. Times are unix milliseconds. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly standing: Standing;
  readonly plan: Plan;
  readonly createdAt: number;
  /** Rows that its deletion has removed so far, by table; null while it is not being deleted. */
  readonly deleted: Readonly<Record<string, number>> | null;
}

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  /** Unix milliseconds from which on it is refused; absent: never. */
  readonly expiresAt?: number;
}

/** A token whose text is told now and never again. */
export interface IssuedToken {
  readonly id: string;
  readonly token: string;
}

/** What can be told of a token. Times are unix milliseconds. */
export interface TokenSummary {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** How the secret inside the token begins; empty for tokens made before this was kept. */
  readonly prefix: string;
  readonly createdAt: number;
  /** To within some ten minutes; null when it was not used since this is noted. */
  readonly lastUsedAt: number | null;
  readonly expiresAt: number | null;
}

/** What a tenant may ask about itself, and its operator about it. */
export interface TokenOperations {
  /** Null when there is no such tenant. */
  createToken(tenantId: string, token: NewToken): Promise<IssuedToken | null>;
  /** Oldest first, those that have expired too. */
  listTokens(tenantId: string): Promise<readonly TokenSummary[]>;
  /** Says whether there was such a token; every process refuses it within a second. */
  revokeToken(tenantId: string, tokenId: string): Promise<boolean>;
  /**
   * A new token in the place of another: same name, role and expiry. The old one works for `overlapMs` more,
   * so that its users can change over. Null when there is no such token, or it has expired.
   */
  rotateToken(tenantId: string, tokenId: string, overlapMs: number): Promise<IssuedToken | null>;
}

/** What a tenant may ask about what it used, and its operator about it. */
export interface UsageOperations {
  /** The hours that had any usage, in order. */
  getUsage(tenantId: string, query: UsageQuery): Promise<readonly HourOfUsage[]>;
  /** Unix milliseconds of the database's clock. */
  nowMs(): number;
}

/**
 * What the operator may ask. Ids are bare uuids; unknown ones, and changes of a tenant that is being
 * deleted, are answered with null or false.
 */
export interface TenantAdministration extends TokenOperations, UsageOperations, AuditOperations {
  createTenant(name: string, plan: PlanName | undefined): Promise<CreatedTenant>;
  /** Oldest first. */
  listTenants(query: {
    readonly count: number;
    readonly cursor?: string;
  }): Promise<PageOutcome<Tenant>>;
  getTenant(id: string): Promise<Tenant | null>;
  /** Resumes when false. */
  setSuspended(id: string, isSuspended: boolean): Promise<boolean>;
  /** Closes it at once and stops what it sends; everything of it is deleted in the background. */
  deleteTenant(id: string): Promise<boolean>;
  /** `limits` take the place of all earlier ones; absent, they stay. */
  setPlan(
    id: string,
    change: { readonly plan?: PlanName; readonly limits?: LimitOverrides },
  ): Promise<Tenant | null>;
}

/** What a tenant may ask about itself. */
export interface TenantSelfService extends TokenOperations, UsageOperations, AuditOperations {
  authenticate(token: string): Promise<Caller | null>;
  /** Counts a request that is limited by the second; null when it may be served. */
  admit(caller: Caller): Promise<BudgetSpent | null>;
  getSigningKeys(tenantId: string): Promise<SigningKeys>;
  /** Null when they stay: those of a development tenant are public, and SDKs know them. */
  rotateSigningKeys(tenantId: string): Promise<SigningKeys | null>;
}

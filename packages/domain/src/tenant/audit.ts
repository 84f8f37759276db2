import type { PageOutcome } from "../history/log-event.ts";

/** Whoever changed something. */
export type Actor =
  | { readonly kind: "operator" }
  | { readonly kind: "token"; readonly id: string; readonly name: string };

/** A change that is about to be made. */
export interface Change {
  readonly tenantId: string;
  readonly actor: Actor;
  /** Method and path of the request. */
  readonly action: string;
  /** The rest of its address, without credentials and without what is sealed elsewhere. */
  readonly query: string;
  /** Address of whoever asked; null when the connection is gone. */
  readonly from: string | null;
}

/**
 * What became of a change: `unknown` when its process ended, or the database went away, before that
 * was certain. What is `refused` changed nothing and is not kept.
 */
export type ChangeOutcome = "done" | "refused" | "unknown";

/** Adds to the entry of a change, once it is done, what its address does not say: no secrets. */
export type Tell = (detail: string) => void;

export interface AuditEntry extends Omit<Change, "tenantId"> {
  readonly id: string;
  /** Which one was made, what it was set to; absent when the action says it all. */
  readonly detail?: string;
  /** Unix milliseconds at which the change was asked for. */
  readonly at: number;
  readonly outcome: Exclude<ChangeOutcome, "refused">;
}

/** Whose log tells of what has no tenant, or will soon have none: tenants that come and go. */
export const OPERATOR_LOG = "00000000-0000-0000-0000-000000000000";

export interface AuditOperations {
  /**
   * Notes a change, makes it by `work`, and notes what became of it: there is no change without an
   * entry. When the entry cannot be written, `work` is not called.
   */
  audited<Result>(
    change: Change,
    work: (tell: Tell) => Promise<Result>,
    outcomeOf: (result: Result) => ChangeOutcome,
  ): Promise<Result>;
  /** Latest first. */
  listAudit(
    tenantId: string,
    query: { readonly count: number; readonly cursor?: string },
  ): Promise<PageOutcome<AuditEntry>>;
}

/** What the status of an HTTP answer says about a change. */
export function outcomeOfStatus(status: number): ChangeOutcome {
  if (status < 400) return "done";
  return status < 500 ? "refused" : "unknown";
}

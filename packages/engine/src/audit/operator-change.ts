import { OPERATOR_LOG, type ChangeOutcome } from "@omnistore/domain/tenant/audit";

import { createAudit, type AuditParts } from "./audit.ts";

/**
 * Makes a change that the operator asked for at the command line, with an entry in his own log: see
 * `AuditOperations.audited`. When it throws, or its process ends, the entry goes on saying `unknown`.
 */
export function auditedByOperator<Result>(
  parts: AuditParts,
  action: string,
  work: () => Promise<Result>,
  outcomeOf: (result: Result) => ChangeOutcome,
): Promise<Result> {
  const change = {
    tenantId: OPERATOR_LOG,
    actor: { kind: "operator" },
    action,
    query: "",
    from: null,
  } as const;
  return createAudit(parts).audited(change, work, outcomeOf);
}

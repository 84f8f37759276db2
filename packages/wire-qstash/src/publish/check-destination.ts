import { destinationProblem } from "@omnistore/domain/deliver/destination";
import type { DestinationPolicy } from "@omnistore/domain/deliver/destination-policy";
import { InvalidRequest } from "../errors.ts";

/** Throws 400 for a destination that no message may go to. Contract 01 §2. */
export function checkDestination(destination: string, policy: DestinationPolicy): void {
  const problem = destinationProblem(destination, policy);
  if (problem !== null) throw new InvalidRequest(400, problem);
}

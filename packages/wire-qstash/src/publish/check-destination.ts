import { destinationProblem } from "@omnistore/domain/deliver/destination";
import { InvalidRequest } from "../errors.ts";

/** Throws 400 for a destination that no message may go to. Contract 01 §2. */
export function checkDestination(destination: string, allowPrivate: boolean): void {
  const problem = destinationProblem(destination, { allowPrivate });
  if (problem !== null) throw new InvalidRequest(400, problem);
}

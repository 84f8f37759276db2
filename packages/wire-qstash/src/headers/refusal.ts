import { quote } from "@omnistore/domain/quote";
import type { RefusalStatus } from "../errors.ts";
import { InvalidRequest } from "../errors.ts";

/** A header whose value cannot be served: `Upstash-Delay "soon" is not a duration …`. */
class HeaderRefusal extends InvalidRequest {
  readonly #header: string;
  readonly #rest: string;

  constructor(header: string, rest: string, status: RefusalStatus) {
    super(status, `${header} ${rest}`);
    this.#header = header;
    this.#rest = rest;
  }

  /** The same of `Upstash-Callback-Delay`, when `Upstash-Delay` came behind that prefix. */
  behind(prefix: string): HeaderRefusal {
    const header = this.#header.replace(/^Upstash-/, prefix);
    return new HeaderRefusal(header, this.#rest, this.status);
  }
}

/** To be thrown: names the header and its value. */
export function refusal(
  header: string,
  value: string,
  problem: string,
  status: RefusalStatus = 400,
): InvalidRequest {
  return new HeaderRefusal(header, `${quote(value)} ${problem}`, status);
}

/** Decodes headers that lost a prefix; what is refused of them is named as it was sent. */
export function behindPrefix<Result>(prefix: string, decode: () => Result): Result {
  try {
    return decode();
  } catch (error) {
    throw error instanceof HeaderRefusal ? error.behind(prefix) : error;
  }
}

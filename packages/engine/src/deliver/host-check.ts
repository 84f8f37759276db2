import { setTimeout } from "node:timers/promises";

import {
  closedAddressReason,
  knownAddress,
  unresolvableReason,
} from "@omnistore/domain/deliver/destination";
import {
  bareHost,
  judgeAddress,
  type DestinationPolicy,
} from "@omnistore/domain/deliver/destination-policy";

import {
  createAddressResolver,
  isWithoutAddress,
  RefusedAddressError,
  type NameResolver,
  type ResolveAddresses,
} from "./resolve-address.ts";

/** How long a publish waits for name servers at most. */
const PATIENCE_MS = 1_000;

/** How long an answer counts: a good one, and one that the owner of a name may be about to mend. */
const GOOD_FOR_MS = 60_000;
const BAD_FOR_MS = 5_000;

/** Hosts that are remembered, and hosts that are asked for at once; more are believed unasked. */
const MOST_REMEMBERED = 10_000;
const MOST_ASKED = 256;

export interface HostCheckOptions {
  readonly policy: DestinationPolicy;
  readonly resolver: NameResolver;
  /** Milliseconds on any clock that only goes forward. */
  readonly now?: () => number;
}

interface Answer {
  /** Why nothing can reach the host, in words for a publisher, or null. */
  readonly problem: string | null;
  readonly goodUntil: number;
}

/**
 * Tells publishers of hosts that nothing can be delivered to, as far as name servers say so within
 * a second. Silence and temporary failures are no reason to refuse a message, which has its retries:
 * every attempt asks and judges again. Where all destinations are open nobody is asked, so that a
 * development server works without a network. Contract 00 §3.
 */
export class HostCheck {
  readonly #policy: DestinationPolicy;
  readonly #resolve: ResolveAddresses;
  readonly #now: () => number;
  readonly #answers = new Map<string, Answer>();
  readonly #asked = new Map<string, Promise<string | null>>();

  constructor({ policy, resolver, now = () => performance.now() }: HostCheckOptions) {
    this.#policy = policy;
    this.#resolve = createAddressResolver(policy, resolver);
    this.#now = now;
  }

  /** Why no message can reach the host of a valid URL, or null. Never rejects. */
  async problemOf(url: string): Promise<string | null> {
    if (!this.#policy.isPublicOnly) return null;
    const { hostname } = new URL(url);
    // Addresses that are written out are judged with the rest of the URL.
    if (knownAddress(hostname) !== null) return null;
    const host = bareHost(hostname);
    const answer = this.#answers.get(host);
    if (answer !== undefined && answer.goodUntil > this.#now()) return answer.problem;
    return this.#asked.get(host) ?? this.#ask(host);
  }

  #ask(host: string): Promise<string | null> {
    if (this.#asked.size >= MOST_ASKED) return Promise.resolve(null);
    const asking = this.#look(host).then(({ problem, forMs }) => {
      this.#asked.delete(host);
      this.#remember(host, { problem, goodUntil: this.#now() + forMs });
      return problem;
    });
    this.#asked.set(host, asking);
    return asking;
  }

  async #look(host: string): Promise<{ problem: string | null; forMs: number }> {
    const stopWaiting = new AbortController();
    const silence = setTimeout(PATIENCE_MS, null, { signal: stopWaiting.signal, ref: false });
    silence.catch(() => {});
    try {
      const addresses = await Promise.race([this.#resolve(host), silence]);
      return { problem: null, forMs: addresses === null ? BAD_FOR_MS : GOOD_FOR_MS };
    } catch (error) {
      return { problem: this.#problemIn(host, error), forMs: BAD_FOR_MS };
    } finally {
      stopWaiting.abort();
    }
  }

  #problemIn(host: string, error: unknown): string | null {
    if (error instanceof RefusedAddressError) {
      return closedAddressReason(judgeAddress(error.address, this.#policy), error.address);
    }
    return isWithoutAddress(error) ? unresolvableReason(host) : null;
  }

  /** The newest are at the end; the oldest leave. */
  #remember(host: string, answer: Answer): void {
    this.#answers.delete(host);
    this.#answers.set(host, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MOST_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest);
  }
}

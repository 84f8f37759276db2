import {
  hasRoom,
  hasRoomForLarge,
  isHostSaturated,
  isSaturated,
  LARGE_BYTES,
  SLOW_AFTER_MS,
  slowSlotsOf,
} from "@omnistore/domain/claim/slots";
import type { Message } from "@omnistore/domain/message/message";
import type { LeasedDelivery } from "@omnistore/engine/leased-delivery";

/** What of a message says how much an attempt takes, and from whom. */
export type Attempted = Pick<Message, "tenantId" | "destination" | "body">;

interface Slow {
  readonly slots: number;
  readonly host: string;
}

/** The attempts of a dispatcher, told apart by how long they have been under way. Times are monotonic milliseconds. */
export class AttemptsUnderWay {
  /** When each began, oldest first. */
  readonly #young = new Map<LeasedDelivery, { readonly began: number; readonly of: Attempted }>();
  readonly #slow = new Map<LeasedDelivery, Slow>();
  /** What they hold of long answers, of young and slow ones. */
  readonly #answers = new Map<LeasedDelivery, Slow>();
  /** Slow slots in all, and by tenant, and by tenant and host. */
  #slowSlots = 0;
  readonly #slowOf = new Map<string, number>();
  readonly #slowOfHost = new Map<string, number>();
  /** Places by tenant, of what is under way and of what is about to be. */
  readonly #held = new Map<string, number>();
  /** Tenants of which something had to wait for a place. */
  readonly #capped = new Set<string>();
  readonly #mostOf: (tenantId: string) => number;

  /** `mostOf` says how many of a tenant may be under way here. */
  constructor(mostOf: (tenantId: string) => number = () => Number.POSITIVE_INFINITY) {
    this.#mostOf = mostOf;
  }

  /** All of them. */
  *[Symbol.iterator](): Iterator<LeasedDelivery> {
    yield* this.#slow.keys();
    yield* this.#young.keys();
  }

  get size(): number {
    return this.#young.size + this.#slow.size;
  }

  /** Those that hold a slot. */
  countYoung(now: number): number {
    this.#age(now);
    return this.#young.size;
  }

  /** Takes up to so many places of what a tenant may have under way, and says how many. */
  hold(tenantId: string, wanted: number): number {
    const places = Math.max(0, Math.min(wanted, this.room(tenantId)));
    add(this.#held, tenantId, places);
    if (places < wanted) this.#capped.add(tenantId);
    return places;
  }

  /** Gives back places in which nothing was begun. */
  drop(tenantId: string, places: number): void {
    add(this.#held, tenantId, -places);
  }

  /** How many more of a tenant may be under way. */
  room(tenantId: string): number {
    return this.#mostOf(tenantId) - (this.#held.get(tenantId) ?? 0);
  }

  /** Tenants of which something waits for a place, as far as is known. */
  get capped(): ReadonlySet<string> {
    return this.#capped;
  }

  /** Nothing waits any more of those that have room. */
  forgetCapped(): void {
    for (const tenantId of this.#capped) {
      if (this.room(tenantId) > 0) this.#capped.delete(tenantId);
    }
  }

  /** In a place that was held. A large message counts as slow from here on. */
  begin(leased: LeasedDelivery, of: Attempted, now: number): void {
    if (isLarge(of)) this.#becomeSlow(leased, of);
    else this.#young.set(leased, { began: now, of });
  }

  end(leased: LeasedDelivery): void {
    this.drop(leased.tenantId, 1);
    this.#young.delete(leased);
    this.#release(this.#slow, leased);
    this.#release(this.#answers, leased);
  }

  has(leased: LeasedDelivery): boolean {
    return this.#young.has(leased) || this.#slow.has(leased);
  }

  /** Lets an attempt keep that many bytes of its answer until it ends, if there is room for its tenant. */
  keepAnswer(leased: LeasedDelivery, bytes: number, now: number): boolean {
    this.#age(now);
    const { tenantId } = leased;
    const host = this.#hostOfAttempt(leased);
    const slots = slowSlotsOf(bytes);
    const ofTenant = this.#slowOf.get(tenantId) ?? 0;
    if (host === undefined || !hasRoom(slots, ofTenant, this.#slowSlots)) return false;
    this.#answers.set(leased, { slots, host });
    this.#count(tenantId, host, slots);
    return true;
  }

  /** Whether one more may start here. */
  takes(of: Attempted, now: number): boolean {
    if (this.isHostSaturated(of, now) || this.#isSaturated(of.tenantId)) return false;
    return this.hasMemoryFor(of, now);
  }

  /** Whether its message may be held too: a small one always may. */
  hasMemoryFor(of: Attempted, now: number): boolean {
    if (!isLarge(of)) return true;
    this.#age(now);
    return hasRoomForLarge(this.#slowOf.get(of.tenantId) ?? 0, this.#slowSlots);
  }

  /** Whether its tenant has enough slow attempts at the host that it goes to. */
  isHostSaturated({ tenantId, destination }: Attempted, now: number): boolean {
    this.#age(now);
    if (!this.#slowOf.has(tenantId)) return false;
    return this.#isHostSaturated(hostOf(tenantId, destination));
  }

  /** Tenants of which nothing more may start here. */
  saturated(now: number): readonly string[] {
    this.#age(now);
    const slow = [...this.#slowOf.keys()].filter((tenantId) => this.#isSaturated(tenantId));
    const full = [...this.#capped].filter((tenantId) => this.room(tenantId) <= 0);
    return full.length === 0 ? slow : [...new Set([...slow, ...full])];
  }

  /** Tenants that have a host to which nothing more may start here. */
  withSaturatedHost(now: number): readonly string[] {
    this.#age(now);
    const hosts = [...this.#slowOfHost.keys()].filter((host) => this.#isHostSaturated(host));
    return [...new Set(hosts.map(tenantOfHost))];
  }

  #isSaturated(tenantId: string): boolean {
    return isSaturated(this.#slowOf.get(tenantId) ?? 0, this.#slowSlots);
  }

  #isHostSaturated(host: string): boolean {
    return isHostSaturated(this.#slowOfHost.get(host) ?? 0, this.#slowSlots);
  }

  #age(now: number): void {
    for (const [leased, { began, of }] of this.#young) {
      if (now - began < SLOW_AFTER_MS) return;
      this.#young.delete(leased);
      this.#becomeSlow(leased, of);
    }
  }

  #becomeSlow(leased: LeasedDelivery, { body, destination }: Attempted): void {
    const slow = { slots: slowSlotsOf(body.length), host: hostOf(leased.tenantId, destination) };
    this.#slow.set(leased, slow);
    this.#count(leased.tenantId, slow.host, slow.slots);
  }

  #hostOfAttempt(leased: LeasedDelivery): string | undefined {
    const young = this.#young.get(leased);
    if (young === undefined) return this.#slow.get(leased)?.host;
    return hostOf(leased.tenantId, young.of.destination);
  }

  #release(from: Map<LeasedDelivery, Slow>, leased: LeasedDelivery): void {
    const slow = from.get(leased);
    if (slow === undefined) return;
    from.delete(leased);
    this.#count(leased.tenantId, slow.host, -slow.slots);
  }

  #count(tenantId: string, host: string, slots: number): void {
    this.#slowSlots += slots;
    add(this.#slowOf, tenantId, slots);
    add(this.#slowOfHost, host, slots);
  }
}

function add(counts: Map<string, number>, key: string, more: number): void {
  const sum = (counts.get(key) ?? 0) + more;
  if (sum > 0) counts.set(key, sum);
  else counts.delete(key);
}

/** Whether its message is so large that attempts are counted by bytes. */
export function isLarge({ body }: Pick<Attempted, "body">): boolean {
  return body.length > LARGE_BYTES;
}

/** A host as one tenant sees it: who shares it with others is not to wait for theirs. */
function hostOf(tenantId: string, destination: string): string {
  return `${tenantId} ${URL.parse(destination)?.host ?? destination}`;
}

function tenantOfHost(host: string): string {
  return host.slice(0, host.indexOf(" "));
}

import type { Pool } from "@omnistore/db/client";
import pg from "pg";

/** Where to say that there is something to look at; the payload is empty, listeners look themselves. */
const WAKE_CHANNELS = {
  /** Dispatchers listen: something is ready to be delivered. */
  deliveries: "omnistore_ready",
  /** Schedulers listen: a schedule was created or changed. */
  schedules: "omnistore_schedules",
  /** Apis listen: a token was revoked, or a tenant or its plan changed. */
  credentials: "omnistore_credentials",
} as const;
export type WakeChannel = keyof typeof WAKE_CHANNELS;

const RECONNECT_MS = 1_000;
/** How often a listener asks whether the other side is still there, and how long it waits. */
const PING_EVERY_MS = 15_000;
const ANSWER_LIMIT_MS = 5_000;

/**
 * Tells all who listen that something was stored. Sent after the commit and outside of it: a NOTIFY
 * inside takes a lock that serialises commits. Calls while one is under way become one more.
 */
export class Announcer {
  readonly #pool: Pool;
  readonly #channel: WakeChannel;
  #sending = false;
  #again = false;

  constructor(pool: Pool, channel: WakeChannel) {
    this.#pool = pool;
    this.#channel = channel;
  }

  announce(): void {
    this.#again = true;
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#again) {
      this.#again = false;
      // A lost announcement costs at most one slow poll of a listener.
      await this.#pool.query(`NOTIFY ${WAKE_CHANNELS[this.#channel]}`).catch(() => undefined);
    }
    this.#sending = false;
  }
}

/** Calls `onWake` at each announcement, over a connection of its own that it keeps alive. */
export class WakeListener {
  readonly name = "wake-listener";
  readonly #databaseUrl: string;
  readonly #channel: WakeChannel;
  readonly #onWake: () => void;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #ping: NodeJS.Timeout | undefined;
  #stopped = true;

  constructor(databaseUrl: string, channel: WakeChannel, onWake: () => void) {
    this.#databaseUrl = databaseUrl;
    this.#channel = channel;
    this.#onWake = onWake;
  }

  async start(): Promise<void> {
    if (!this.#stopped) return;
    this.#stopped = false;
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#ping);
    await this.#client?.end().catch(() => undefined);
    this.#client = undefined;
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#databaseUrl,
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
      application_name: "omnistore wake listener",
    });
    client.on("notification", () => this.#onWake());
    client.on("error", () => undefined);
    client.once("end", () => this.#listenLater());
    try {
      this.#client = client;
      await client.connect();
      await client.query(`LISTEN ${WAKE_CHANNELS[this.#channel]}`);
      this.#onWake();
      this.#keepAlive(client);
    } catch {
      // Without it the listener still polls; behind a transaction pooler this is the normal case.
      await client.end().catch(() => undefined);
      this.#listenLater();
    }
  }

  /** Who only listens never learns that the other side is gone without a word: so it asks. */
  #keepAlive(client: pg.Client): void {
    clearInterval(this.#ping);
    this.#ping = setInterval(() => {
      client.query("SELECT 1").catch(() => client.end());
    }, PING_EVERY_MS);
    this.#ping.unref();
  }

  #listenLater(): void {
    clearInterval(this.#ping);
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#listen(), RECONNECT_MS);
    this.#retry.unref();
  }
}

import { isIPv4, isIPv6 } from "node:net";

import ipaddr from "ipaddr.js";
import { z } from "zod";
import { LOG_LEVELS } from "./logger.ts";

/** What a reader needs to know of a setting besides its name. */
export interface About {
  readonly unit: string;
  readonly default: string;
  readonly why: string;
  /** Completes the sentence "NAME must be …". */
  readonly mustBe: string;
  /** The value is never shown, neither in errors nor in logs. */
  readonly isSecret?: true;
}

export const aboutSettings = z.registry<About>();

const ENCRYPTION_KEY_BYTES = 32;
const ENCRYPTION_KEY_SHAPE = "32 bytes in base64, which is 44 characters";

/** Every setting of OmniStore, read from environment variables. An empty variable counts as absent. */
export const settings = z.object({
  PORT: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.number().max(65_535))
    .default(8080)
    .register(aboutSettings, {
      unit: "port number",
      default: "8080",
      why: "Where the API listens. 8080 is where the official SDK looks in dev mode; 0 takes any free port.",
      mustBe: "a whole number from 0 to 65535",
    }),
  HOST: z.string().optional().register(aboutSettings, {
    unit: "address or host name",
    default: "`127.0.0.1` in dev mode, `0.0.0.0` in hosted mode",
    why: "Which network interface the API listens on. Dev mode stays on this machine, as its credentials are public.",
    mustBe: "an address or host name of this machine",
  }),
  DATABASE_URL: z.string().refine(isPostgresUrl).optional().register(aboutSettings, {
    unit: "URL",
    default: "none: an embedded PostgreSQL 18",
    why: "The PostgreSQL that holds everything. Required by the apps that are started one by one.",
    mustBe:
      "a URL such as postgresql://user:password@host:5432/database, with %40 for an @ in the password and so on",
    isSecret: true,
  }),
  OMNISTORE_DATA_DIR: z.string().default(".omnistore").register(aboutSettings, {
    unit: "path",
    default: "`.omnistore`",
    why: "Where the embedded PostgreSQL keeps its data. A relative path starts at the working directory.",
    mustBe: "a path",
  }),
  OMNISTORE_MODE: z
    .enum(["dev", "hosted"])
    .default("dev")
    .register(aboutSettings, {
      unit: "`dev` or `hosted`",
      default: "`dev`",
      why:
        "`dev` knows the public credentials of the QStash development server and may deliver to this machine. " +
        "`hosted` refuses both and needs its own secrets.",
      mustBe: "dev or hosted",
    }),
  OMNISTORE_ADMIN_TOKEN: z.string().optional().register(aboutSettings, {
    unit: "text of at least 32 characters",
    default: "none; required in hosted mode",
    why: "Bearer token of the administration API, which creates tenants and their tokens.",
    mustBe: "at least 32 characters",
    isSecret: true,
  }),
  OMNISTORE_ENCRYPTION_KEY: encryptionKey().register(aboutSettings, {
    unit: "32 bytes in base64",
    default: "a fixed public key in dev mode; required in hosted mode",
    why:
      "Wraps the data key of each tenant, which encrypts at rest what the tenant sends and its signing keys. " +
      "Every process on one database needs the same key. Dev mode without it stores messages in clear.",
    mustBe: ENCRYPTION_KEY_SHAPE,
    isSecret: true,
  }),
  OMNISTORE_PREVIOUS_ENCRYPTION_KEY: encryptionKey().register(aboutSettings, {
    unit: "32 bytes in base64",
    default: "none",
    why: "A second key that data keys may be wrapped by while the first one is changed; it wraps nothing itself.",
    mustBe: ENCRYPTION_KEY_SHAPE,
    isSecret: true,
  }),
  OMNISTORE_REGION: z
    .string()
    .regex(/^[A-Z]{2}-[A-Z]+-\d$/)
    .default("EU-CENTRAL-1")
    .register(aboutSettings, {
      unit: "region name",
      default: "`EU-CENTRAL-1`",
      why: "Named to receivers in a header. The official SDK in multi-region mode knows `EU-CENTRAL-1` and `US-EAST-1`.",
      mustBe: "a region name such as EU-CENTRAL-1",
    }),
  LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .optional()
    .register(aboutSettings, {
      unit: LOG_LEVELS.map((level) => `\`${level}\``).join(", "),
      default: "`info`; `warn` in the one-command start, where the banner speaks",
      why: "How much is logged, as JSON lines on standard error.",
      mustBe: `one of ${LOG_LEVELS.join(", ")}`,
    }),
  OMNISTORE_LEASE_SECONDS: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,3})?$/)
    .transform(Number)
    .pipe(z.number().min(0.1).max(3_600))
    .default(10)
    .register(aboutSettings, {
      unit: "seconds",
      default: "10",
      why:
        "How long after the last heartbeat of a dispatcher its deliveries are given to others. " +
        "Shorter recovers sooner from a crash; too short repeats deliveries of a dispatcher that only paused.",
      mustBe: "a number of seconds from 0.1 to 3600",
    }),
  OMNISTORE_PUBLIC_URL: z
    .string()
    .refine(isHttpUrl)
    .optional()
    .register(aboutSettings, {
      unit: "URL",
      default: "none",
      why:
        "Where clients find the API. In hosted mode no message may go there: " +
        "a delivery that publishes a delivery could go round for ever.",
      mustBe: "a URL such as https://queue.example.com",
    }),
  OMNISTORE_ALLOW_NETWORKS: z
    .string()
    .transform((text) => text.split(",").map((network) => network.trim()))
    .refine((networks) => networks.every(isNetwork))
    .default([])
    .register(aboutSettings, {
      unit: "networks in CIDR notation, separated by commas",
      default: "none",
      why:
        "Private destinations that hosted mode may reach besides public ones. " +
        "The metadata addresses of clouds stay closed unless each is listed by itself.",
      mustBe:
        "networks by their first address, separated by commas, such as 10.1.0.0/16,192.168.7.9/32,fd12:3456::/32",
    }),
  OMNISTORE_NAME_SERVERS: z
    .string()
    .transform((text) => text.split(",").map((server) => server.trim()))
    .refine((servers) => servers.every(isNameServer))
    .default([])
    .register(aboutSettings, {
      unit: "IP addresses, with a port where it is not 53, separated by commas",
      default: "those of `/etc/resolv.conf`",
      why:
        "Who is asked in hosted mode for the addresses of destinations, at publish and at every connection. " +
        "In dev mode the system's own look-up is used.",
      mustBe: "IP addresses separated by commas, such as 10.0.0.2,10.0.0.3:5353,[fd12::2]:53",
    }),
  OMNISTORE_EGRESS_PROXY: z
    .string()
    .refine(isProxyUrl)
    .optional()
    .register(aboutSettings, {
      unit: "URL",
      default: "none",
      why:
        "HTTP proxy that all deliveries go through, by CONNECT. It is given the addresses that were " +
        "checked, not names, so the rules for destinations hold whatever the proxy allows.",
      mustBe: "a URL such as http://user:password@proxy.internal:3128, without a path",
      isSecret: true,
    }),
});

function encryptionKey() {
  return z
    .base64()
    .transform((text) => Buffer.from(text, "base64"))
    .refine((key) => key.length === ENCRYPTION_KEY_BYTES)
    .optional();
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/./.test(text) && URL.canParse(text);
}

function isProxyUrl(text: string): boolean {
  return isHttpUrl(text) && /^[^/]+\/\/[^/?#]+\/?$/.test(text);
}

function isNameServer(text: string): boolean {
  const [, ipv6, ipv4, port = "53"] = /^(?:\[(.+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isAddress = isIPv6(ipv6 ?? text) || isIPv4(ipv4 ?? "");
  return isAddress && Number(port) >= 1 && Number(port) <= 65_535;
}

/** A network with its first address: `10.1.2.3/16` may be a slip for another one. Never everything. */
function isNetwork(text: string): boolean {
  if (!ipaddr.isValidCIDR(text)) return false;
  const [address, bits] = ipaddr.parseCIDR(text);
  if (bits === 0) return false;
  const first =
    address.kind() === "ipv4"
      ? ipaddr.IPv4.networkAddressFromCIDR(text)
      : ipaddr.IPv6.networkAddressFromCIDR(text);
  return first.toString() === address.toString();
}

function isPostgresUrl(text: string): boolean {
  // The driver takes a URL without a host, for a socket, also after a user.
  return /^postgres(ql)?:\/\/./.test(text) && URL.canParse(text.replace("@/", "@socket/"));
}

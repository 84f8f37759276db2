import { parseArgs } from "node:util";

export interface SoakOptions {
  readonly kills: number;
  readonly messages: number;
  readonly seed: number;
  /** How long load and kills last. */
  readonly seconds: number;
  readonly leaseSeconds: number;
  /** Half of the processes live an hour ahead, half an hour behind. */
  readonly clockSkew: boolean;
}

export const HELP = `Usage: pnpm soak:crash [options]

Runs 2 apis, 2 dispatchers, 2 schedulers and a PostgreSQL as real processes under a steady load of
topics, delays, retries, queues, flow control, deduplication and schedules; kills any of them with
SIGKILL at random and starts it again; then says what was lost, doubled or out of order. Exits with 1
when a bound is broken.

  --kills N       how many kills (200)
  --messages N    how many messages are published (100000)
  --seed S        chooses victims and messages (1)
  --seconds N     how long load and kills last (1.5 for each kill, at least 20)
  --lease N       lease of a dispatcher in seconds (3)
  --clock-skew    clocks of the processes an hour ahead or behind; needs faketime (apt-get install faketime)
  --help          this text
`;

/** @throws with a sentence for the user when the command line is not understood. */
export function readOptions(args: readonly string[]): SoakOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      kills: { type: "string" },
      messages: { type: "string" },
      seed: { type: "string" },
      seconds: { type: "string" },
      lease: { type: "string" },
      "clock-skew": { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return "help";
  const kills = wholeNumber("kills", values.kills, 200);
  return {
    kills,
    messages: wholeNumber("messages", values.messages, 100_000),
    seed: wholeNumber("seed", values.seed, 1),
    seconds: wholeNumber("seconds", values.seconds, Math.max(20, Math.ceil(kills * 1.5))),
    leaseSeconds: wholeNumber("lease", values.lease, 3),
    clockSkew: values["clock-skew"] ?? false,
  };
}

function wholeNumber(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

import { parseArgs } from "node:util";

import { wholeNumber } from "../command-line.ts";

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
  const kills = wholeNumber("kills", values.kills, { byDefault: 200, atLeast: 0 });
  const secondsOfKills = Math.max(20, Math.ceil(kills * 1.5));
  return {
    kills,
    messages: wholeNumber("messages", values.messages, { byDefault: 100_000, atLeast: 1 }),
    seed: wholeNumber("seed", values.seed, { byDefault: 1, atLeast: 0 }),
    seconds: wholeNumber("seconds", values.seconds, { byDefault: secondsOfKills, atLeast: 1 }),
    leaseSeconds: wholeNumber("lease", values.lease, { byDefault: 3, atLeast: 1 }),
    clockSkew: values["clock-skew"] ?? false,
  };
}

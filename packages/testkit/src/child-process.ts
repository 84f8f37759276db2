import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A real process of the project, started as a user starts it. */
export interface RunningProcess {
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves with the first printed line that holds the text; rejects when the process ends before. */
  line(text: string): Promise<string>;
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>;
  /** What it ended with; null when a signal ended it. */
  readonly exitCode: Promise<number | null>;
  /** Sends the signal and resolves when the process has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Runs a source file of the project with Node, in an environment of its own. */
export function startProcess(
  file: string,
  env: NodeJS.ProcessEnv,
  words: readonly string[] = [],
): RunningProcess {
  const child = spawn(process.execPath, [file, ...words], {
    cwd: root,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return watch(child);
}

function watch(child: ChildProcess): RunningProcess {
  const lines: string[] = [];
  const listeners = new Set<(line: string | null) => void>();
  const tell = (line: string | null) => {
    if (line !== null) lines.push(line);
    for (const listener of listeners) listener(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on("line", tell);
  }
  const ended = once(child, "exit").then(() => tell(null));
  const exitCode = ended.then(() => child.exitCode);

  return {
    pid: child.pid ?? -1,
    ended,
    exitCode,
    output: () => lines.join("\n"),
    line: (text) =>
      new Promise((resolve, reject) => {
        const look = (line: string | null) => {
          if (line === null)
            reject(new Error(`it ended without saying "${text}":\n${lines.join("\n")}`));
          else if (line.includes(text)) resolve(line);
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        const said = lines.find((line) => line.includes(text));
        if (said !== undefined) look(said);
        else if (child.exitCode !== null) look(null);
      }),
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

import { parseArgs } from "node:util";

import { migrate, migrateHelp } from "./commands/migrate.ts";
import {
  rotateEncryptionKeyCommand,
  rotateEncryptionKeyHelp,
} from "./commands/rotate-encryption-key.ts";
import { start, startHelp } from "./commands/start.ts";

const commands = {
  start: {
    run: start,
    help: startHelp,
    summary: "run api, dispatcher and scheduler in one process",
  },
  migrate: {
    run: migrate,
    help: migrateHelp,
    summary: "bring the database to this version and end",
  },
  "rotate-encryption-key": {
    run: rotateEncryptionKeyCommand,
    help: rotateEncryptionKeyHelp,
    summary: "wrap every tenant's data key by the new encryption key and end",
  },
};

const help = `Usage: omnistore <command>

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(21)} ${summary}`)
  .join("\n")}

omnistore <command> --help tells more.
`;

/** Says what is wrong with the command line, and how it should look. */
function refuse(problem: string): never {
  process.stderr.write(`${problem}\n\n${help}`);
  process.exit(1);
}

function readCommandLine(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: { help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function isCommand(name: string): name is keyof typeof commands {
  return Object.hasOwn(commands, name);
}

/** Runs what the words of a command line (those after the program) ask for, or says what is wrong with them and exits. */
export async function runCommandLine(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { values, positionals } = readCommandLine(words);
  const [name, ...rest] = positionals;
  if (name === undefined && values.help === true) process.stdout.write(help);
  else if (name === undefined) refuse("Which command?");
  else if (!isCommand(name)) refuse(`There is no command "${name}".`);
  else if (rest.length > 0) refuse(`"${rest.join(" ")}" is one word too many.`);
  else if (values.help === true) process.stdout.write(commands[name].help);
  else await commands[name].run(env);
}

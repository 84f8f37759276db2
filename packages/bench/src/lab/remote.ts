import { fork } from "node:child_process";
import { once } from "node:events";

/** What a process of the lab can be asked, by name. */
type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** In the process that is asked: answers until the one that asks is gone. */
export function answerQuestions(handlers: Handlers): void {
  process.on("disconnect", () => process.exit());
  process.on("message", (question: Question) => void answer(handlers, question));
  process.send?.("ready");
}

async function answer(handlers: Handlers, { id, name, argument }: Question): Promise<void> {
  try {
    const handler = handlers[name];
    if (!handler) throw new Error(`there is nothing called ${name} here`);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Remote` gives each handler its own argument
    process.send?.({ id, result: await handler(argument as never) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
  }
}

/** In the process that asks. */
export interface Remote<Asked extends Handlers> {
  readonly pid: number;
  ask<Name extends keyof Asked & string>(
    name: Name,
    argument: Parameters<Asked[Name]>[0],
  ): Promise<Awaited<ReturnType<Asked[Name]>>>;
  end(): Promise<void>;
}

/** Starts a file of `processes/` as a process of its own, so that it shares no event loop with what it measures. */
export async function startRemote<Asked extends Handlers>(
  file: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Remote<Asked>> {
  const child = fork(new URL(`../processes/${file}`, import.meta.url), {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced",
  });
  const waiting = new Map<number, PromiseWithResolvers<never>>();
  let asked = 0;
  child.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
  });
  await once(child, "message");
  child.on("message", (given: Answer) => {
    const question = waiting.get(given.id);
    waiting.delete(given.id);
    if ("error" in given) question?.reject(new Error(`${file}: ${given.error}`));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is what the handler returned
    else question?.resolve(given.result as never);
  });
  return {
    pid: child.pid ?? -1,
    ask(name, argument) {
      const question = Promise.withResolvers<never>();
      waiting.set((asked += 1), question);
      child.send({ id: asked, name, argument });
      return question.promise;
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, "exit");
    },
  };
}

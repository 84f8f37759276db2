import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const urlOf = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

/** A process that runs one service and prints what happens to it. */
function program(start: string, stop: string): string {
  return `
    import { createLogger } from ${urlOf("./logger.ts")};
    import { runService } from ${urlOf("./run-service.ts")};
    import { defineService } from ${urlOf("./service.ts")};
    const hold = setInterval(() => {}, 1000);
    const service = defineService("part", {
      async start() { console.log("starting " + process.pid); ${start} },
      async stop() { console.log("stopping"); ${stop}; console.log("stopped"); },
    });
    await runService(service, {
      logger: createLogger({ level: "fatal", name: "part" }),
      onReady: () => console.log("ready"),
    });`;
}

function run(code: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", code], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  return { child, ...linesOf(child) };
}

/** Everything a process prints, and a way to wait for one line of it. */
function linesOf(child: ChildProcess) {
  if (child.stdout === null || child.stderr === null)
    throw new Error("the output of the process is not piped");
  const printed: string[] = [];
  const lines = createInterface(child.stdout).on("line", (line) => printed.push(line));
  createInterface(child.stderr).on("line", (line) => printed.push(line));
  const closed = once(child, "close");
  return {
    printed,
    async line(start: string): Promise<string> {
      for (;;) {
        const found = printed.find((line) => line.startsWith(start));
        if (found !== undefined) return found;
        await Promise.race([
          once(lines, "line"),
          closed.then(() =>
            Promise.reject(new Error(`ended without "${start}": ${printed.join("\n")}`)),
          ),
        ]);
      }
    },
    async exit(): Promise<unknown> {
      const [code] = await closed;
      return code;
    },
  };
}

describe("runService", () => {
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "on %s stops once and exits with 0",
    async (signal) => {
      const part = run(program("", ""));
      await part.line("ready");
      part.child.kill(signal);
      expect(await part.exit()).toBe(0);
      expect(part.printed.slice(1)).toEqual(["ready", "stopping", "stopped"]);
    },
  );

  test("takes the same Ctrl-C, passed on a second time by a package manager, for one", async () => {
    const part = run(program("", "await new Promise((done) => setTimeout(done, 300))"));
    await part.line("ready");
    part.child.kill("SIGINT");
    await part.line("stopping");
    part.child.kill("SIGINT");
    expect(await part.exit()).toBe(0);
    expect(part.printed).toContain("stopped");
  });

  test("exits with 1 at once on a later second signal", async () => {
    const part = run(
      program("", "setTimeout(() => console.log('still'), 1200); await new Promise(() => {})"),
    );
    await part.line("ready");
    part.child.kill("SIGTERM");
    await part.line("still");
    part.child.kill("SIGTERM");
    expect(await part.exit()).toBe(1);
  });

  test("stops what is starting when the signal comes early", async () => {
    const part = run(program("await new Promise((done) => setTimeout(done, 200))", ""));
    await part.line("starting");
    part.child.kill("SIGTERM");
    expect(await part.exit()).toBe(0);
    expect(part.printed.slice(1)).toEqual(["stopping", "stopped"]);
  });

  test("prints why it cannot start and exits with 1", async () => {
    const part = run(program("throw new Error('no room left')", ""));
    expect(await part.exit()).toBe(1);
    expect(part.printed.slice(1)).toEqual(["part could not start: no room left"]);
  });

  test("stops and exits with 1 on an error that nobody caught", async () => {
    const part = run(program("setTimeout(() => { throw new Error('a bug') }, 50)", ""));
    expect(await part.exit()).toBe(1);
    expect(part.printed).toContain("stopped");
  });

  test("stops when the package manager that started it is killed", async () => {
    // The outer process stands for the package manager: killed outright, it cannot pass anything on.
    const inner = JSON.stringify(program("", ""));
    const outer = run(
      `import { spawn } from "node:child_process";
       spawn(process.execPath, ["--input-type=module-typescript", "--eval", ${inner}], { stdio: "inherit" });`,
      { npm_lifecycle_event: "start" },
    );
    await outer.line("ready");
    outer.child.kill("SIGKILL");
    // The pipe closes only when the inner process, its other holder, has ended too.
    await outer.exit();
    expect(outer.printed.slice(-2)).toEqual(["stopping", "stopped"]);
  });
});

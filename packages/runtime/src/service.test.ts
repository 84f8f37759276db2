import { describe, expect, test } from "vitest";
import { composeServices, defineService } from "./service.ts";
import type { Service } from "./service.ts";

/** A service that writes its starts and stops into a shared journal. */
function recorded(name: string, journal: string[], failing?: "start" | "stop"): Service {
  return defineService(name, {
    async start() {
      journal.push(`start ${name}`);
      if (failing === "start") throw new Error(`${name} cannot start`);
    },
    async stop() {
      journal.push(`stop ${name}`);
      if (failing === "stop") throw new Error(`${name} cannot stop`);
    },
  });
}

describe("a service", () => {
  test("starts once and stops once, however often it is asked", async () => {
    const journal: string[] = [];
    const service = recorded("a", journal);
    await Promise.all([service.start(), service.start()]);
    await Promise.all([service.stop(), service.stop()]);
    expect(journal).toEqual(["start a", "stop a"]);
  });

  test("stopped while it starts, finishes starting and then stops", async () => {
    const journal: string[] = [];
    const gate = Promise.withResolvers<void>();
    const service = defineService("slow", {
      async start() {
        await gate.promise;
        journal.push("started");
      },
      async stop() {
        journal.push("stopped");
      },
    });
    const starting = service.start();
    const stopping = service.stop();
    gate.resolve();
    await Promise.all([starting, stopping]);
    expect(journal).toEqual(["started", "stopped"]);
  });

  test("never started, has nothing to stop and cannot start any more", async () => {
    const journal: string[] = [];
    const service = recorded("a", journal);
    await service.stop();
    await expect(service.start()).rejects.toThrow("a was stopped before it was started");
    expect(journal).toEqual([]);
  });
});

describe("composed services", () => {
  test("start in order and stop in reverse", async () => {
    const journal: string[] = [];
    const all = composeServices("all", [recorded("a", journal), recorded("b", journal)]);
    await all.start();
    await all.stop();
    expect(journal).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test("are taken back when one cannot start", async () => {
    const journal: string[] = [];
    const parts = [recorded("a", journal), recorded("b", journal, "start"), recorded("c", journal)];
    const all = composeServices("all", parts);
    await expect(all.start()).rejects.toThrow("b cannot start");
    await all.stop();
    expect(journal).toEqual(["start a", "start b", "stop a"]);
  });

  test("all stop even when one of them cannot", async () => {
    const journal: string[] = [];
    const all = composeServices("all", [recorded("a", journal), recorded("b", journal, "stop")]);
    await all.start();
    await expect(all.stop()).rejects.toThrow("b cannot stop");
    expect(journal).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test("stopped while starting, do not start the rest", async () => {
    const journal: string[] = [];
    const gate = Promise.withResolvers<void>();
    const slow = defineService("slow", {
      start: () => gate.promise,
      stop: async () => void journal.push("stop slow"),
    });
    const all = composeServices("all", [slow, recorded("next", journal)]);
    const starting = all.start();
    const stopping = all.stop();
    gate.resolve();
    await expect(starting).rejects.toThrow("asked to stop while it was starting");
    await stopping;
    expect(journal).toEqual(["stop slow"]);
  });
});

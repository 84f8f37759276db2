/**
 * The life cycle that every long-running part shares. `start` returns when the part is ready, `stop` when it
 * has let go of everything. Both may be called twice; a stopped service is not started again.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Steps {
  /** `signal` is aborted when `stop` is asked for meanwhile; a long start may look at it between its steps. */
  start(signal: AbortSignal): Promise<void>;
  /** Called at most once, and only after a start that succeeded. */
  stop(): Promise<void>;
}

/** Gives plain start and stop steps the promises of `Service`. */
export function defineService(name: string, steps: Steps): Service {
  const stopAsked = new AbortController();
  let starting: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;

  async function stopAfterStart(): Promise<void> {
    const isRunning = await starting?.then(
      () => true,
      () => false,
    );
    if (isRunning === true) await steps.stop();
  }

  return {
    name,
    start() {
      if (stopAsked.signal.aborted && starting === undefined) {
        return Promise.reject(new Error(`${name} was stopped before it was started`));
      }
      starting ??= steps.start(stopAsked.signal);
      return starting;
    },
    stop() {
      stopAsked.abort(new Error(`${name} was asked to stop while it was starting`));
      stopping ??= stopAfterStart();
      return stopping;
    },
  };
}

/**
 * One service made of several: starts them in order, stops them in reverse. If one cannot start, those already
 * started are stopped and its error is thrown. An error while stopping never keeps the others from stopping.
 */
export function composeServices(name: string, services: readonly Service[]): Service {
  const started: Service[] = [];
  return defineService(name, {
    async start(signal) {
      try {
        for (const service of services) {
          signal.throwIfAborted();
          await service.start();
          started.push(service);
        }
      } catch (error) {
        await stopInReverse(name, started).catch((stopError: unknown) => {
          throw new AggregateError(
            [error, stopError],
            `${name} could not start, nor stop what had started`,
            { cause: error },
          );
        });
        throw error;
      }
    },
    stop: () => stopInReverse(name, started),
  });
}

async function stopInReverse(name: string, started: readonly Service[]): Promise<void> {
  const errors: unknown[] = [];
  for (const service of started.toReversed()) {
    await service.stop().catch((error: unknown) => errors.push(error));
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1)
    throw new AggregateError(errors, `several parts of ${name} could not stop`);
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Stops what a long run has started when the run is told to end: its processes would go on without
 * it. Returns what takes that back.
 */
export function stopOnSignal(stop: () => Promise<void>): () => void {
  const end = () => void stop().finally(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, end);
  return () => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
}

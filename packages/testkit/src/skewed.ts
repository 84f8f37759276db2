/** What a process is to have in its environment to live in a time of its own: milliseconds ahead (+) or behind (-). */
export function skewedBy(shiftMs: number): NodeJS.ProcessEnv {
  const module = new URL(`./skewed-clock.ts?ms=${shiftMs}`, import.meta.url);
  return { NODE_OPTIONS: `--import ${module.href}` };
}

/**
 * A wrong clock for a process: `node --import "<url of this file>?ms=<shift>"`. What counts (timers, `performance`)
 * stays right, as on a machine whose clock was set wrong.
 */
const shiftMs = Number(new URL(import.meta.url).searchParams.get("ms"));
if (!Number.isInteger(shiftMs)) throw new Error(`no shift in milliseconds: ${import.meta.url}`);

const now = () => RealDate.now() + shiftMs;
const RealDate = Date;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget): object =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver): unknown =>
    name === "now" ? now : Reflect.get(target, name, receiver),
});

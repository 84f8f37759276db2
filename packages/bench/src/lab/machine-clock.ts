/** Milliseconds with fractions on a clock that all processes of this machine share and nobody sets. */
export function machineClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What a publisher asks of a flow-control key: at least one of parallelism and rate. Contract 01 §6. */
export interface FlowControl {
  readonly key: string;
  /** Most deliveries of the key in flight. */
  readonly parallelism?: number;
  /** Most deliveries of the key that may start in one period. */
  readonly rate?: number;
  /** 1 when only parallelism was given. */
  readonly periodSeconds: number;
}

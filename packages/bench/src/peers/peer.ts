/** What a peer needs to take messages and deliver them. */
export interface PeerPlace {
  readonly databaseUrl: string;
  readonly redisPort: number;
  /** Where each message is to be posted, without a slash at the end. */
  readonly receiver: string;
}

/** What the process of a peer can be asked. */
export type PeerProcess = {
  /** Starts endpoint and workers; resolves with the port of the endpoint. */
  readonly listen: (place: PeerPlace) => Promise<number>;
};

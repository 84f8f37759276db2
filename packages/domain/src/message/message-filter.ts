/** What messages can be told apart by, in lists and in calls that change many at once. */
export const MESSAGE_FILTERS = [
  /** Destinations, compared whole. */
  "urls",
  /** Host of the destination in lower case, with its port when it names one. */
  "hosts",
  /** Path of the destination, with its leading slash and without the query. */
  "paths",
  "labels",
  "callerIps",
  "topicNames",
  "scheduleIds",
  "queueNames",
  "flowControlKeys",
] as const;

/** Filters are ANDed, the values of one ORed, and an absent one matches everything. */
export type MessageFilter = {
  readonly [name in (typeof MESSAGE_FILTERS)[number]]?: readonly string[];
};

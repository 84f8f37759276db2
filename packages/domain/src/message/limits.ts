/** Every limit in one place: value, unit in the name, source. Contract 06 is `contract/06-limits-and-plans`. */

/** Largest message body. Contract 06 §1, fixed plans. */
export const MAX_BODY_BYTES = 50 * 1024 * 1024;

/** Largest body of a schedule, which is read at every tick beside those of others, and of a request that is no message. */
export const MAX_REQUEST_BYTES = 10 * 1024 * 1024;

/** Longest delay of a first attempt: five years, which with everything after it an id can hold. Contract 06 §1, fixed plans. */
export const MAX_DELAY_MS = 1_826 * 86_400_000;

/** Longest total time of one attempt: twelve hours. Contract 06 §1, fixed 10M. */
export const MAX_TIMEOUT_MS = 12 * 3_600_000;

/** Retries when the publisher says nothing and the plan allows as many. Contract 01 §3. */
export const DEFAULT_RETRIES = 3;

/** Most retries: with the longest delays between them a message still expires within its id's reach. */
export const MAX_RETRIES = 1000;

/** Longest wait before a retry, whoever asked for it. Contract 06 §2. */
export const MAX_RETRY_DELAY_MS = 86_400_000;

/** Deduplication window. Contract 07 Q7. */
export const DEDUPLICATION_WINDOW_MS = 600_000;

/** Longest that finished messages and their attempts, and dead letters, can be read: three months. Contract 06 §1, fixed 10M. */
export const MAX_RETENTION_DAYS = 90;

/** How long is known which messages a tick made. */
export const TICK_RETENTION_DAYS = 7;

/** How long the audit log tells of a change: a quarter. */
export const AUDIT_RETENTION_DAYS = 92;

/** How long a TCP and TLS connection may take. Contract 02 §8. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Bytes of a response body that are kept for logs and dead letters. More is read for callbacks only. */
export const RESPONSE_CAPTURE_BYTES = 128 * 1024;

/** Largest callback: an answer and a source of 10 MiB each, both in base64, with their headers. Contract 02 §5. */
export const MAX_CALLBACK_BYTES = 28 * 1024 * 1024;

/** Bytes of response headers before the attempt fails. */
export const RESPONSE_HEADER_BYTES = 32 * 1024;

/** Longest free text in a header of ours: labels, deduplication ids, names. Contract 07 Q16. */
export const MAX_NAME_BYTES = 256;

/** Longest destination URL. */
export const MAX_DESTINATION_BYTES = 8 * 1024;

/** Most labels of one message. */
export const MAX_LABELS = 32;

/** Most messages that one bulk cancel with a `count` cancels. Contract 03 §1. */
export const MAX_CANCEL_COUNT = 500;

/** Most dead letters that one retry names by id: they are published in one transaction. */
export const MAX_RETRIED_IDS = 1000;

/** Longest period of a flow-control rate: one week. Contract 06 §2. */
export const MAX_FLOW_CONTROL_PERIOD_SECONDS = 604_800;

/** Largest page of a list of dead letters; of log entries. Contract 03 §5, §8. */
export const MAX_DEAD_LETTER_PAGE = 100;
export const MAX_LOG_PAGE = 1000;
export const DEFAULT_PAGE = 100;

/** Most endpoints of one topic. Contract 06 §1. */
export const MAX_TOPIC_ENDPOINTS = 100;

/** Most topics of one tenant: they are listed without pages. */
export const MAX_TOPICS = 1000;

/** Longest settings of a topic, names and values: as much as a request may bring in its head. */
export const MAX_TOPIC_HEADER_BYTES = 16 * 1024;

/** Most bytes that one publish to a topic may store, body times endpoints: one statement writes them. */
export const MAX_FAN_OUT_BYTES = 128 * 1024 * 1024;

/** Largest batch. Contract 06 §2. */
export const MAX_BATCH_BYTES = 100_000_000;

/** Most items of one batch: half of what may wait in a store that is busy. */
export const MAX_BATCH_ITEMS = 10_000;

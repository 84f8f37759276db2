/** How an attempt ended. */
export const ATTEMPT_OUTCOMES = ["delivered", "retry", "dead"] as const;
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/**
 * What a log row says. The last two are no ends of attempts: the message was cancelled, while it
 * waited for one, or while one was under way whose end nobody will know.
 */
export const LOGGED_OUTCOMES = [...ATTEMPT_OUTCOMES, "cancelled", "abandoned"] as const;
export type LoggedOutcome = (typeof LOGGED_OUTCOMES)[number];

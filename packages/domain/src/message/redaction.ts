/** What the API and the logs hide of a message. Never changes what is delivered. */
export interface Redaction {
  readonly body: boolean;
  /** `"all"`, or canonical names of single headers. */
  readonly headers: "all" | readonly string[];
}

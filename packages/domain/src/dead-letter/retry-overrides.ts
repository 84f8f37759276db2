import type { HeaderMap, Message, MessageOptions, Method } from "../message/message.ts";
import type { Due, PublishCommand } from "../publish/publish-command.ts";

/** What a retry says anew; absent fields stay as the dead message had them. */
export interface RetryOverrides {
  readonly method?: Method;
  /** Added, or in place of those of the same name. */
  readonly headers: HeaderMap;
  readonly due: Due;
  readonly maxRetries?: number;
  readonly options: MessageOptions;
}

/**
 * The publish that a retry of a dead letter comes to: the whole original under a new id, with what
 * the retry says anew. It is nobody's duplicate. Contract 03 §5, 07 Q40.
 */
export function retryCommand(original: Message, overrides: RetryOverrides): PublishCommand {
  const { tenantId, wire, destination, body } = original;
  return {
    tenantId,
    wire,
    destination,
    body,
    method: overrides.method ?? original.method,
    headers: { ...original.headers, ...overrides.headers },
    due: overrides.due,
    maxRetries: overrides.maxRetries ?? original.maxRetries,
    options: { ...original.options, ...overrides.options },
  };
}

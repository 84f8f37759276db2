/** The name of the topic that a destination means, or null when it is a URL. Contract 01 §2. */
export function topicNameOf(destination: string): string | null {
  return /^https?:\/\//i.test(destination) ? null : destination;
}

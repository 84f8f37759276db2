import { Client, Receiver } from "@upstash/qstash";

/**
 * What TypeScript calls private and JavaScript cannot hide. Whatever else the official SDK can be
 * asked to do is public, also what a newer one adds.
 */
const INTERNAL: ReadonlySet<string> = new Set([
  "client.chat().createThirdParty",
  "client.chat().getAuthorizationToken",
  "client.http.checkResponse",
  "client.http.getResponseError",
  "client.http.processRequest",
  "client.http.requestWithBackoff",
  "receiver.verifyBodyAndUrl",
  "receiver.verifyWithKey",
]);

/** Methods that send nothing, and hand out an object with methods of its own instead. */
const FACTORIES: ReadonlySet<string> = new Set(["client.chat", "client.queue"]);

/**
 * Every public method of the installed SDK's `Client` and `Receiver`, as one writes it:
 * `client.queue().pause`. Found by walking the objects, so that no method is missed by whoever lists
 * them. A second name for the same API (`client.topics`) counts as one method.
 */
export function sdkMethods(): readonly string[] {
  const found: string[] = [];
  const walked = new Set<object>();

  function walk(owner: object, path: string): void {
    for (const name of membersOf(owner)) {
      const member = `${path}.${name}`;
      const value: unknown = Reflect.get(owner, name);
      if (isApi(value)) walkOnce(value, member);
      else if (typeof value !== "function" || INTERNAL.has(member)) continue;
      else if (FACTORIES.has(member))
        walk(Reflect.apply(value, owner, []) as object, `${member}()`);
      else found.push(member);
    }
  }
  function walkOnce(api: object, path: string): void {
    const kind = Object.getPrototypeOf(api) as object;
    if (walked.has(api)) return;
    if (walked.has(kind)) found.push(path);
    else walk(api, path);
    walked.add(api).add(kind);
  }

  walk(new Client({ baseUrl: "http://127.0.0.1:9", token: "none", devMode: false }), "client");
  walk(new Receiver(), "receiver");
  return found.toSorted();
}

/** Finds where a text names a method, and not one whose name begins alike, nor where it is called. */
export function mentionOfMethod(method: string): RegExp {
  const escaped = method.replaceAll(/[.()]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<![\w.])${escaped}(?![\w(]|\.\w)`);
}

/** Its own properties and those of its classes, without the constructor. */
function membersOf(owner: object): readonly string[] {
  const names = new Set<string>();
  for (let at: object | null = owner; at !== null && at !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
    at = Object.getPrototypeOf(at) as object | null;
  }
  names.delete("constructor");
  return [...names];
}

/** An object of the SDK's own classes: not a plain value, and none that the platform gives. */
function isApi(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return !(value instanceof Headers) && Object.getPrototypeOf(value) !== Object.prototype;
}

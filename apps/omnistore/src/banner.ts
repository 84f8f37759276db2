import { DEVELOPMENT_CREDENTIALS } from "@omnistore/engine/tenant/development-credentials";
import type { Config } from "@omnistore/runtime/config";

/** What a person reads when OmniStore is ready: where it is, and what to paste to see it work. */
export function banner(config: Pick<Config, "mode" | "host">, port: number): string {
  const url = `http://${reachableHost(config.host)}:${port}`;
  const next = config.mode === "dev" ? developmentSteps(url) : hostedSteps(url);
  return `\nOmniStore is ready: ${url}\n\n${next}\nCtrl-C stops it. The data stay.\n`;
}

function developmentSteps(url: string): string {
  const { token, currentSigningKey, nextSigningKey } = DEVELOPMENT_CREDENTIALS;
  return `For the official SDK, QSTASH_DEV=true is enough, with QSTASH_DEV_PORT on another port than 8080. Or paste:

export QSTASH_URL="${url}"
export QSTASH_TOKEN="${token}"
export QSTASH_CURRENT_SIGNING_KEY="${currentSigningKey}"
export QSTASH_NEXT_SIGNING_KEY="${nextSigningKey}"

Send a message to the built-in receiver, and see what arrived there:

curl -sS -X POST "${url}/v2/publish/${url}/echo" \\
  -H "Authorization: Bearer ${token}" \\
  -H "Content-Type: application/json" -d '{"hello":"world"}' && sleep 1 && curl -sS "${url}/echo"

These credentials are public. For a server that others can reach, set OMNISTORE_MODE=hosted.
`;
}

function hostedSteps(url: string): string {
  return `Create a tenant; the answer holds its token and its signing keys:

curl -sS -X POST "${url}/admin/v1/tenants" \\
  -H "Authorization: Bearer $OMNISTORE_ADMIN_TOKEN" \\
  -H "Content-Type: application/json" -d '{"name":"acme"}'
`;
}

/** An address to call from this machine, for one to listen at. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

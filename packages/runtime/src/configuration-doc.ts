import { aboutSettings, settings } from "./settings.ts";

/** `docs/configuration.md`, written from the one schema so that the two cannot disagree. */
export function renderConfigurationDoc(): string {
  const rows = Object.entries(settings.shape).map(([name, schema]) => {
    const about = aboutSettings.get(schema);
    if (about === undefined) throw new Error(`${name} has no description`);
    return `| \`${name}\` | ${about.unit} | ${about.default} | ${about.why} |`;
  });
  return `# Configuration

<!-- Written by packages/runtime/src/write-configuration-doc.ts. Change packages/runtime/src/settings.ts instead. -->

OmniStore is configured by environment variables only. All of them have a default that suits development.

| Name | Unit | Default | Why it is there |
| --- | --- | --- | --- |
${rows.join("\n")}

A process that finds a wrong or missing setting does not start: it lists every problem at once and exits with 1.

## The secrets of hosted mode

\`\`\`bash
export OMNISTORE_MODE=hosted
export OMNISTORE_ADMIN_TOKEN="$(openssl rand -base64 32)"
export OMNISTORE_ENCRYPTION_KEY="$(openssl rand -base64 32)"
\`\`\`

Without \`openssl\`: \`node -p 'crypto.randomBytes(32).toString("base64")'\`. Keep both: without the
encryption key nobody can read what is stored, and OmniStore refuses to start on it with another one.
`;
}

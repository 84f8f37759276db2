import { Client } from "@upstash/qstash";

/** A user's script without any configuration: run by a test with `QSTASH_DEV=true`. */
const client = new Client();
const { messageId } = await client.publishJSON({
  url: process.env["RECEIVER_URL"] ?? "",
  body: { dev: true },
});
process.stdout.write(`published ${messageId}\n`);

import type { Dispatcher } from "undici";

export interface Post {
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface PostAnswer {
  readonly status: number;
  /** It has a Retry-After. */
  readonly saysWhen: boolean;
}

/** One POST by the leanest way undici has; resolves when the answer is complete. */
export function post(client: Dispatcher, request: Post): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let saysWhen = false;
    client.dispatch(
      { ...request, method: "POST" },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, headers) {
          status = statusCode;
          saysWhen = headers["retry-after"] !== undefined;
        },
        onResponseData() {},
        onResponseEnd: () => resolve({ status, saysWhen }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

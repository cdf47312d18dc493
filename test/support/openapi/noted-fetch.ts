/** `fetch` that notes its exchanges, so that they can be compared with the OpenAPI document. */
import type { Exchange } from "./exchange-check.ts";

/** A `fetch` over `plain` that calls `note` with every exchange with a service that `isChecked`. */
export function notedFetch(
  plain: typeof fetch,
  { isChecked, note }: { readonly isChecked: (origin: string) => boolean; readonly note: (exchange: Exchange) => void },
): typeof fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!isChecked(new URL(url).origin)) return await plain(input, init);
    // Sending a Request uses up its body.
    const sent = input instanceof Request && input.body !== null ? await input.clone().bytes() : undefined;
    const response = await plain(input, init);
    const bytes = await response.arrayBuffer();
    const { method = "GET", headers: given } = input instanceof Request ? input : (init ?? {});
    const body = sent ?? init?.body;
    const headers = Object.fromEntries(new Headers(given));
    if (body instanceof URLSearchParams) headers["content-type"] ??= "application/x-www-form-urlencoded";
    note({
      method,
      url,
      headers,
      ...(body === undefined || body === null ? {} : { body: ArrayBuffer.isView(body) ? bytesOf(body) : String(body) }),
      status: response.status,
      answerHeaders: Object.fromEntries(response.headers),
      answer: Buffer.from(bytes).toString("utf8"),
    });
    const { status, statusText } = response;
    const kept = new Response(bytes.byteLength === 0 ? null : bytes, { status, statusText, headers: response.headers });
    Object.defineProperty(kept, "url", { value: response.url });
    return kept;
  };
}

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

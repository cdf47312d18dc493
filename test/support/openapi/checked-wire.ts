/**
 * Lets a test fail whose exchanges with a service the OpenAPI document does not describe: all of `fetch`, which is put in
 * front of Node's own, and what `noteExchange` is called with. The services are those of `checkedOrigins`.
 */
import { afterAll, afterEach } from "vitest";
import { checkedOrigins } from "./checked-origins.ts";
import { noteExchange, takeFaults } from "./exchanges.ts";

const CHECKED: unique symbol = Symbol.for("fetch is checked");
const own = globalThis as { [CHECKED]?: true };

if (own[CHECKED] !== true) {
  own[CHECKED] = true;
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!checkedOrigins.has(new URL(url).origin)) return await plain(input, init);
    // Sending a Request uses up its body.
    const sent = input instanceof Request && input.body !== null ? await input.clone().bytes() : undefined;
    const response = await plain(input, init);
    const bytes = await response.arrayBuffer();
    const { method = "GET", headers: given } = input instanceof Request ? input : (init ?? {});
    const body = sent ?? init?.body;
    const headers = Object.fromEntries(new Headers(given));
    if (body instanceof URLSearchParams) headers["content-type"] ??= "application/x-www-form-urlencoded";
    const answered = Object.fromEntries(response.headers);
    noteExchange({
      method,
      url,
      headers,
      ...(body === undefined || body === null ? {} : { body: ArrayBuffer.isView(body) ? bytesOf(body) : String(body) }),
      status: response.status,
      answerHeaders: answered,
      answer: Buffer.from(bytes).toString("utf8"),
    });
    const { status, statusText } = response;
    const kept = new Response(bytes.byteLength === 0 ? null : bytes, { status, statusText, headers: response.headers });
    Object.defineProperty(kept, "url", { value: response.url });
    return kept;
  };
}

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function demandNone(): void {
  const faults = takeFaults();
  if (faults.length > 0)
    throw new Error(`The OpenAPI document does not describe what was exchanged.\n${faults.join("\n")}`);
}

afterEach(demandNone);
afterAll(demandNone);

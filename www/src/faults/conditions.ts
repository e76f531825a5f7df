type Send = (request: Request) => Promise<Response>;

/** What a network may do to whatever the page sends by `fetch`, until that is `over`. */
const CONDITIONS = {
  away: () => () => Promise.reject(lost()),
  // Its page says 200 to everything.
  portal: () => async () => new Response("<h1>Welcome to our network</h1>", { headers: { "content-type": "text/html" } }),
  slow: (send: Send) => async (request: Request) => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return send(request);
  },
  deaf: (send: Send) => (request: Request) => (isEndCall(request) ? send(request).then(() => Promise.reject(lost())) : send(request)),
  silent: (send: Send, over: AbortSignal) => (request: Request) => (isEndCall(request) ? lostWith(request.signal, over) : send(request)),
} satisfies Record<string, (send: Send, over: AbortSignal) => Send>;

export type Condition = keyof typeof CONDITIONS;

/** From now on; gives the way back. */
export function make(condition: Condition): () => void {
  const { fetch } = window;
  const over = new AbortController();
  const send = CONDITIONS[condition]((request) => fetch(request), over.signal);
  window.fetch = (input, init) => send(new Request(input, init));
  const isAway = condition === "away";
  if (isAway) window.dispatchEvent(new Event("offline"));
  return () => {
    window.fetch = fetch;
    over.abort();
    if (isAway) window.dispatchEvent(new Event("online"));
  };
}

function isEndCall({ url }: Request): boolean {
  return /\/rpc\/end_stream_comprehensive$|\/rpc\/live_room_end$|\/rooms\/[^/]+\/end$/.test(url);
}

function lostWith(...signals: AbortSignal[]): Promise<never> {
  return new Promise((_, reject) => AbortSignal.any(signals).addEventListener("abort", () => reject(lost())));
}

/** What a browser says of it. */
function lost(): TypeError {
  return new TypeError("Failed to fetch");
}

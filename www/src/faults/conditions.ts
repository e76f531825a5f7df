type Send = (request: Request) => Promise<Response>;

/** What a network may do to whatever the page sends by `fetch`. */
const CONDITIONS = {
  away: () => () => Promise.reject(lost()),
  // Its page says 200 to everything.
  portal: () => async () => new Response("<h1>Welcome to our network</h1>", { headers: { "content-type": "text/html" } }),
  slow: (send: Send) => async (request: Request) => {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return send(request);
  },
  deaf: (send: Send) => (request: Request) => (isEndCall(request) ? send(request).then(() => Promise.reject(lost())) : send(request)),
  silent: (send: Send) => (request: Request) => (isEndCall(request) ? untilAborted(request) : send(request)),
} satisfies Record<string, (send: Send) => Send>;

export type Condition = keyof typeof CONDITIONS;

/** From now on; gives the way back. */
export function make(condition: Condition): () => void {
  const { fetch } = window;
  const send = CONDITIONS[condition]((request) => fetch(request));
  window.fetch = (input, init) => send(new Request(input, init));
  const isAway = condition === "away";
  if (isAway) window.dispatchEvent(new Event("offline"));
  return () => {
    window.fetch = fetch;
    if (isAway) window.dispatchEvent(new Event("online"));
  };
}

function isEndCall({ url }: Request): boolean {
  return /\/rpc\/end_stream_comprehensive$|\/rpc\/live_room_end$|\/rooms\/[^/]+\/end$/.test(url);
}

function untilAborted({ signal }: Request): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

/** What a browser says of it. */
function lost(): TypeError {
  return new TypeError("Failed to fetch");
}

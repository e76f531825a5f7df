/** As much of a backend, and of a gateway, as rooms need. */
import { once } from "node:events";
import { createServer } from "node:http";

export const ROOM = "8c7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
export const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
export const SESSION = Object.freeze({
  id: "s1",
  room_id: ROOM,
  stream_id: STREAM,
  status: "live",
  started_at: "2026-01-01T00:00:00Z",
  ended_at: null,
});

const LIVE_ALREADY = { code: "PT409", message: "room is live", details: JSON.stringify(SESSION), hint: "join or take over" };

/** Status and JSON. */
export const ANSWERS = {
  live: [200, { id: ROOM, status: "live", is_host: true, current_session: SESSION }],
  idle: [200, { id: ROOM, status: "idle", is_host: true, current_session: null }],
  conflict: [409, LIVE_ALREADY],
  ended: [200, { success: true, status: "ended" }],
};

/**
 * Answers each path by its last name with what is in `answers`, or will be. `asked`: what it was asked, but for renewals of a lease.
 * `seen` gets the requests.
 */
export async function serve(t, answers, seen = () => {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    // A page is of another origin.
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*, authorization");
    if (request.method === "OPTIONS") return response.end();
    let body = "";
    for await (const chunk of request) body += chunk;
    const name = request.url.split("/").at(-1);
    seen(request);
    if (name !== "touch_stream") asked.push({ name, body: JSON.parse(body) });
    server.emit("asked");
    const [status, json] = (await answers[name]) ?? [200, { status: "live" }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  const untilAsked = async (times) => {
    while (asked.length < times) await once(server, "asked");
  };
  return { url: `http://127.0.0.1:${server.address().port}`, asked, untilAsked };
}

/** A backend for pages of any origin. */
import { once } from "node:events";
import { createServer } from "node:http";

/** A backend that answers each function with what is in `answers`: `[status, json]`. */
export async function backend(t, answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    // The page is of another origin.
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "*, authorization");
    if (request.method === "OPTIONS") return response.end();
    let body = "";
    for await (const chunk of request) body += chunk;
    const name = request.url.split("/").at(-1);
    if (name !== "touch_stream") asked.push({ name, body: JSON.parse(body) });
    const [status, json] = answers[name] ?? [200, { status: "live" }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

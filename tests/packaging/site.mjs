/** Files of a directory over HTTP on loopback, as any web server gives them. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

/** `types`: instead of the usual ones, by the names' endings. */
export async function serveFiles(t, directory, { headers = {}, types = {} } = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    const type = { ...TYPES, ...types }[extname(file)] ?? "application/octet-stream";
    const content = await readFile(join(directory, file)).catch(() => null);
    if (content === null) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type, ...headers }).end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.close(), server.closeAllConnections()));
  return `http://127.0.0.1:${server.address().port}`;
}

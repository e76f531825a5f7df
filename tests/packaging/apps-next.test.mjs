/** The tarball in an app of Next's: the app router, rendered by a server for each request, in production. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { chats, createApp, fileScope, paintsFirst, startChat } from "./apps.mjs";

const t = fileScope();
let app, chat, address;
before(async () => {
  chat = await startChat(t);
  app = await createApp(t, "next", chat);
  await app.run("next", "build");
  address = await app.serve("next", "start", "--hostname", "127.0.0.1", "--port", "0");
});

test("Next renders it on the server, and has nobody fetch the WASM beforehand", async () => {
  const html = await (await fetch(address)).text();
  assert.match(html, /<span role="status">Not connected<\/span>/);
  assert.doesNotMatch(html, /\.wasm/);
});

chats("built by Next", () => address, () => chat);
paintsFirst("built by Next", () => address);

if (process.env.STREAMKEEPER_SOAK) {
  chats("Next's development server", () => app.serve("next", "dev", "--hostname", "127.0.0.1", "--port", "0"), () => chat);
}

/** The tarball in an app of webpack's, which has no configuration. Long, and alike: with `--soak`. */
import { before } from "node:test";

if (process.env.STREAMKEEPER_SOAK) {
  // Only then: a file without tests never closes the browser that comes with them.
  const { chats, createApp, fileScope, paintsFirst, startChat } = await import("./apps.mjs");
  const { serveFiles } = await import("./site.mjs");
  const t = fileScope();
  let app, chat;
  const sites = {};
  before(async () => {
    chat = await startChat(t);
    app = await createApp(t, "webpack", chat);
    for (const mode of ["production", "development"]) {
      await app.run("webpack", "--mode", mode, "--output-path", mode);
      await app.write(`${mode}/index.html`, await app.source("index.html"));
      sites[mode] = await serveFiles(t, app.path(mode));
    }
  });
  const open = (mode) => () => `${sites[mode]}/?chat=${encodeURIComponent(chat.url.replace("http", "ws"))}`;

  chats("built by webpack", open("production"), () => chat);
  paintsFirst("built by webpack", open("production"));
  chats("built by webpack for development", open("development"), () => chat);
}

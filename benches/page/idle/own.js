import init, { ConnectionManager, webSocket } from "streamkeeper";
import { AT, idle } from "./app.js";

/** Streamkeeper, connected to a service that answers its pings. */
export function streamkeeper(config) {
  return idle(async () => {
    await init();
    const chat = webSocket({ url: `ws://${AT}/plain`, ping: "ping", isPong: (data) => data === "pong" });
    const manager = ConnectionManager.shared({ chat, ...config });
    return () => manager.connectUser("ana", "token");
  });
}

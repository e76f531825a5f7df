import { WebSocket } from "partysocket";
import { AT, idle } from "./app.js";

idle(() => {
  const socket = new WebSocket(`ws://${AT}/plain`, undefined, { startClosed: true });
  return () => new Promise((resolve) => {
    socket.addEventListener("open", resolve);
    socket.reconnect();
  });
});

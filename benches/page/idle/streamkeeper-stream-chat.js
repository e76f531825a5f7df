import init, { ConnectionManager, streamChat } from "streamkeeper";
import { StreamChat } from "stream-chat";
import { AT, idle } from "./app.js";
import { token } from "./token.js";

idle(async () => {
  await init();
  const createClient = () => new StreamChat("key", { baseURL: `http://${AT}/stream-chat` });
  const manager = ConnectionManager.shared({ chat: streamChat({ createClient }) });
  return () => manager.connectUser("ana", token("ana"));
});

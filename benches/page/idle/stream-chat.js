import { StreamChat } from "stream-chat";
import { AT, idle } from "./app.js";
import { token } from "./token.js";

idle(() => {
  const client = new StreamChat("key", { baseURL: `http://${AT}/stream-chat` });
  return () => client.connectUser({ id: "ana" }, token("ana"));
});

import { ConnectionManager, streamChat } from "streamkeeper";
import { StreamkeeperProvider, useChatClient, useChatUser } from "streamkeeper/react";
import { StreamChat } from "stream-chat";
import { AT, start, TOKEN } from "./app.jsx";

const createClient = () => new StreamChat("key", { baseURL: `http://${AT}/stream-chat` });
const config = { chat: streamChat({ createClient }) };

function Chat() {
  useChatUser({ id: "ana" }, TOKEN);
  const client = useChatClient();
  return <p>{client ? "connected" : "connecting"}</p>;
}

start(
  <StreamkeeperProvider config={config}>
    <Chat />
  </StreamkeeperProvider>,
  () => ConnectionManager.shared().disconnectUser(),
);

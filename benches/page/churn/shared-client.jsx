import { useEffect, useState } from "react";
import { StreamChat } from "stream-chat";
import { AT, start, TOKEN } from "./app.jsx";

/** One client for the page, connected by an effect and disconnected by its clean-up. */
const theClient = () => StreamChat.getInstance("key", { baseURL: `http://${AT}/stream-chat` });

function Chat() {
  const [client, setClient] = useState(null);
  useEffect(() => {
    const client = theClient();
    const connect = async () => {
      await client.connectUser({ id: "ana" }, TOKEN);
      setClient(client);
    };
    connect();
    return () => {
      setClient(null);
      client.disconnectUser();
    };
  }, []);
  return <p>{client ? "connected" : "connecting"}</p>;
}

start(<Chat />, () => theClient().disconnectUser());

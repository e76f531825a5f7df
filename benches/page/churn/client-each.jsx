import { useEffect, useState } from "react";
import { StreamChat } from "stream-chat";
import { AT, start, TOKEN } from "./app.jsx";

/** A client for each effect, whose clean-up disconnects it once it has connected: the way of `useCreateChatClient`. */
function Chat() {
  const [client, setClient] = useState(null);
  useEffect(() => {
    let isOver = false;
    const made = new StreamChat("key", { baseURL: `http://${AT}/stream-chat` });
    const connecting = made.connectUser({ id: "ana" }, TOKEN).then(() => isOver || setClient(made));
    return () => {
      isOver = true;
      setClient(null);
      connecting.then(() => made.disconnectUser());
    };
  }, []);
  return <p>{client ? "connected" : "connecting"}</p>;
}

start(<Chat />);

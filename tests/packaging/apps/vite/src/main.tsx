import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { webSocket } from "streamkeeper";
import { ConnectionStatus, ReconnectBanner, StreamkeeperProvider, useChatClient, useChatUser } from "streamkeeper/react";
import "streamkeeper/react.css";

const config = { chat: webSocket({ url: import.meta.env.VITE_CHAT_URL, hello: ({ token }) => token }) };

function Chat() {
  useChatUser({ id: "ana" }, async () => "the token that your server gives Ana");
  const socket = useChatClient<WebSocket>();
  const [messages, setMessages] = useState<string[]>([]);
  useEffect(() => {
    if (socket) socket.onmessage = ({ data }) => setMessages((before) => [...before, data]);
  }, [socket]);
  const say = (form: FormData) => socket?.send(String(form.get("words")));
  return <main>
    <ConnectionStatus /> <ReconnectBanner />
    <ul>{messages.map((message, index) => <li key={index}>{message}</li>)}</ul>
    <form action={say}><input name="words" aria-label="Message" /><button disabled={!socket}>Send</button></form>
  </main>;
}

createRoot(document.getElementById("root")!).render(<StreamkeeperProvider config={config}><Chat /></StreamkeeperProvider>);

"use client";
import { useEffect, useState } from "react";
import { webSocket } from "streamkeeper";
import { ConnectionStatus, ReconnectBanner, StreamkeeperProvider, useChatClient, useChatUser } from "streamkeeper/react";

const config = { chat: webSocket({ url: process.env.NEXT_PUBLIC_CHAT_URL, hello: ({ token }) => token }) };

export function Chat() {
  return (
    <StreamkeeperProvider config={config}>
      <ConnectionStatus /> <ReconnectBanner />
      <Messages />
    </StreamkeeperProvider>
  );
}

function Messages() {
  useChatUser({ id: "ana" }, async () => "the token that your server gives Ana");
  const socket = useChatClient();
  const [messages, setMessages] = useState([]);
  useEffect(() => {
    if (socket) socket.onmessage = ({ data }) => setMessages((before) => [...before, data]);
  }, [socket]);
  return (
    <>
      <ul>{messages.map((message, index) => <li key={index}>{message}</li>)}</ul>
      <form action={(form) => socket?.send(form.get("words"))}>
        <input name="words" aria-label="Message" />
        <button disabled={!socket}>Send</button>
      </form>
    </>
  );
}

import { useEffect } from "react";
import { webSocket } from "streamkeeper";
import { StreamkeeperProvider, useStreamkeeper } from "streamkeeper/react";
import { start, usable } from "./shell.jsx";

const config = { chat: webSocket({ url: "wss://chat.example.org" }) };

function App() {
  const manager = useStreamkeeper();
  useEffect(() => {
    if (manager) usable(manager);
  }, [manager]);
  return <p>Hello</p>;
}

start(
  <StreamkeeperProvider config={config}>
    <App />
  </StreamkeeperProvider>,
);

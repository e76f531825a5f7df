import { useEffect } from "react";
import { streamChat } from "streamkeeper";
import { StreamkeeperProvider, useStreamkeeper } from "streamkeeper/react";
import { StreamChat } from "stream-chat";
import { start, usable } from "./shell.jsx";

const config = { chat: streamChat({ createClient: () => new StreamChat("key") }) };

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

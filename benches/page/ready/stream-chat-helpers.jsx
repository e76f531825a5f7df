import pRetry from "p-retry";
import { useIdleTimer } from "react-idle-timer";
import { StreamChat } from "stream-chat";
import { start, useMade } from "./shell.jsx";

function App() {
  const idle = useIdleTimer({ timeout: 300_000, crossTab: true });
  useMade(() => [idle, pRetry, new StreamChat("key")]);
  return <p>Hello</p>;
}

start(<App />);

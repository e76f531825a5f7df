import pRetry from "p-retry";
import { useWebSocket } from "partysocket/react";
import { useIdleTimer } from "react-idle-timer";
import { start, useMade } from "./shell.jsx";

function App() {
  const idle = useIdleTimer({ timeout: 300_000, crossTab: true });
  const socket = useWebSocket("wss://chat.example.org", undefined, { startClosed: true });
  useMade(() => [idle, pRetry, socket]);
  return <p>Hello</p>;
}

start(<App />);

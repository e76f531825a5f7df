import { useIdleTimer } from "react-idle-timer";
import { start, TIMEOUT } from "./app.jsx";

function App() {
  useIdleTimer({ timeout: TIMEOUT });
  return <p>Hello</p>;
}

start(<App />);

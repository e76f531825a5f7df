import { StreamChat } from "stream-chat";
import { start, useMade } from "./shell.jsx";

function App() {
  useMade(() => new StreamChat("key"));
  return <p>Hello</p>;
}

start(<App />);

import { Room } from "livekit-client";
import { start, useMade } from "./shell.jsx";

function App() {
  useMade(() => new Room());
  return <p>Hello</p>;
}

start(<App />);

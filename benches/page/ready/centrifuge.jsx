import { Centrifuge } from "centrifuge";
import { start, useMade } from "./shell.jsx";

function App() {
  useMade(() => new Centrifuge("wss://chat.example.org"));
  return <p>Hello</p>;
}

start(<App />);

import { start, useMade } from "./shell.jsx";

function App() {
  useMade(() => null);
  return <p>Hello</p>;
}

start(<App />);

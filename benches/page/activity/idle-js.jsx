import IdleJs from "idle-js";
import { useEffect } from "react";
import { EVENTS, start, TIMEOUT } from "./app.jsx";

function App() {
  useEffect(() => {
    const idle = new IdleJs({ idle: TIMEOUT, events: EVENTS, onIdle() {} });
    idle.start();
    return () => idle.stop();
  }, []);
  return <p>Hello</p>;
}

start(<App />);

import { useEffect } from "react";
import { EVENTS, start, TIMEOUT } from "./app.jsx";

function App() {
  useEffect(() => {
    let timer;
    const active = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {}, TIMEOUT);
    };
    active();
    for (const name of EVENTS) window.addEventListener(name, active, { passive: true });
    return () => {
      clearTimeout(timer);
      for (const name of EVENTS) window.removeEventListener(name, active);
    };
  }, []);
  return <p>Hello</p>;
}

start(<App />);

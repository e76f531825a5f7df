import { useEffect, useState } from "react";
import { EVENTS, start, TIMEOUT } from "./app.jsx";

function App() {
  const [lastActivity, setLastActivity] = useState(Date.now);
  useEffect(() => {
    const timer = setTimeout(() => {}, TIMEOUT);
    return () => clearTimeout(timer);
  }, [lastActivity]);
  useEffect(() => {
    const active = () => setLastActivity(Date.now());
    for (const name of EVENTS) window.addEventListener(name, active, { passive: true });
    return () => {
      for (const name of EVENTS) window.removeEventListener(name, active);
    };
  }, []);
  return <p>Hello</p>;
}

start(<App />);

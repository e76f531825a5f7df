import { useEffect } from "react";
import { AT, start } from "./app.jsx";

/** A socket that is opened again whenever it closes, as it is first written. */
function Chat() {
  useEffect(() => {
    let socket;
    const connect = () => {
      socket = new WebSocket(`ws://${AT}/plain`);
      socket.onclose = () => setTimeout(connect, 1_000);
    };
    connect();
    return () => socket.close();
  }, []);
  return <p>Chat</p>;
}

start(<Chat />);

import { useWebSocket } from "partysocket/react";
import { AT, start } from "./app.jsx";

function Chat() {
  const socket = useWebSocket(`ws://${AT}/plain`);
  return <p>{socket.url}</p>;
}

start(<Chat />);

import { Centrifuge } from "centrifuge";
import { useEffect } from "react";
import { AT, start } from "./app.jsx";

function Chat() {
  useEffect(() => {
    const client = new Centrifuge(`ws://${AT}/centrifuge`);
    client.connect();
    return () => client.disconnect();
  }, []);
  return <p>Chat</p>;
}

start(<Chat />);

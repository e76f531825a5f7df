import { RealtimeClient } from "@supabase/realtime-js";
import { useEffect } from "react";
import { AT, start } from "./app.jsx";

/** One client for the page, as supabase-js has it, and a channel for each effect. */
const client = new RealtimeClient(`ws://${AT}/realtime`, { params: { apikey: "key" } });

function Chat() {
  useEffect(() => {
    const channel = client.channel("room").subscribe();
    return () => void client.removeChannel(channel);
  }, []);
  return <p>Chat</p>;
}

start(<Chat />, () => client.disconnect());

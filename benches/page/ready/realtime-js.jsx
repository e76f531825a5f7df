import { RealtimeClient } from "@supabase/realtime-js";
import { start, useMade } from "./shell.jsx";

function App() {
  useMade(() => new RealtimeClient("wss://project.example.org/realtime/v1", { params: { apikey: "key" } }));
  return <p>Hello</p>;
}

start(<App />);

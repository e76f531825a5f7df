import { RealtimeClient } from "@supabase/realtime-js";
import { AT, idle } from "./app.js";

idle(() => {
  const client = new RealtimeClient(`ws://${AT}/realtime`, { params: { apikey: "key" } });
  return () =>
    new Promise((resolve) => client.channel("room").subscribe((status) => status === "SUBSCRIBED" && resolve()));
});

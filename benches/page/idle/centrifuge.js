import { Centrifuge } from "centrifuge";
import { AT, idle } from "./app.js";

idle(() => {
  const client = new Centrifuge(`ws://${AT}/centrifuge`);
  return () => {
    client.connect();
    return client.ready();
  };
});

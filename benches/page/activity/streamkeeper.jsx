import { StreamkeeperProvider, useChatUser } from "streamkeeper/react";
import { start, TIMEOUT } from "./app.jsx";

/** There is a connection to be kept, but nothing goes over it. */
const config = {
  chat: { open: async () => ({}), close() {}, probe: () => true },
  inactivity: { timeout: TIMEOUT },
};
const ana = { id: "ana" };

function App() {
  useChatUser(ana, "token");
  return <p>Hello</p>;
}

start(
  <StreamkeeperProvider config={config}>
    <App />
  </StreamkeeperProvider>,
);

import init, { ConnectionManager, webSocket } from "streamkeeper";

const [status, list, form] = ["p", "ul", "form"].map((name) => document.querySelector(name));
const url = new URLSearchParams(location.search).get("chat");
const show = ({ data }) => list.append(Object.assign(document.createElement("li"), { textContent: data }));
let socket = null;

try {
  await init();
  const manager = ConnectionManager.shared({ chat: webSocket({ url, hello: ({ token }) => token }) });
  manager.on("status", () => {
    // Another one for each connection; none while there is none.
    socket = manager.chatClient();
    socket?.addEventListener("message", show);
    status.textContent = socket ? "Connected" : "Not connected";
    form.elements.send.disabled = !socket;
  });
  await manager.connectUser("ana", async () => "the token that your server gives Ana");
} catch ({ code }) {
  status.textContent = `Not available: ${code}`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  socket?.send(form.elements.words.value);
});

import { Chat } from "./chat";

// For each request, by the server.
export const dynamic = "force-dynamic";

export default function Page() {
  return (
    <main>
      <h1>Chat</h1>
      <Chat />
    </main>
  );
}

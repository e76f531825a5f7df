import type { StreamChat } from "stream-chat";
import { ReconnectBanner, useChatClient, useChatUser, useSnapshot } from "streamkeeper/react";
import { Away } from "./Away";
import { Connection } from "./Connection";
import { Lobby } from "./Lobby";
import { Logs } from "./Logs";
import { tokenOf } from "./sdk";
import { Service } from "./Service";
import type { InactivitySettings } from "./useInactivity";
import "./chat.css";

/** Chat, connected from the first visit on: the connection as page and service see it, its messages, and who may be away. */
export function ChatView({ user, inactivity }: { user: string; inactivity: InactivitySettings }) {
  useChatUser({ id: user, data: { name: user } }, () => tokenOf(user));
  const client = useChatClient<StreamChat>();
  const online = useSnapshot((snapshot) => snapshot.presence.online);
  return (
    <>
      <section aria-labelledby="chat-heading" className="stream">
        <h1 id="chat-heading">Your chat</h1>
        <ReconnectBanner />
        <div className="sides">
          <Connection />
          <Service user={user} online={online} />
        </div>
      </section>
      <Lobby user={user} client={client} />
      <Away {...inactivity} />
      <Logs online={online} />
    </>
  );
}

import { useEffect, useRef } from "react";
import type { LocalMessage, StreamChat } from "stream-chat";
import { SecondUser } from "../SecondUser";
import { clock } from "../words";
import { Composer } from "./Composer";
import { useLobby } from "./useLobby";

/** What is said, and a way to say something. */
export function Lobby({ user, client }: { user: string; client: StreamChat | null }) {
  const { channel, messages, error, retry } = useLobby(client);
  return (
    <section className="card" aria-labelledby="lobby-heading">
      <div className="heading">
        <h2 id="lobby-heading">The lobby</h2>
        <SecondUser user={user} view="chat" testId="second-user" />
      </div>
      {error ? (
        <p role="alert">
          {error}{" "}
          <button data-testid="lobby-retry" onClick={retry}>
            Try again
          </button>
        </p>
      ) : (
        <Messages user={user} messages={messages} isHere={channel !== null} isComing={client !== null} />
      )}
      <Composer channel={channel} />
    </section>
  );
}

interface MessagesProps {
  user: string;
  messages: LocalMessage[];
  /** They are the room's, as it is now. */
  isHere: boolean;
  isComing: boolean;
}

function Messages({ user, messages, isHere, isComing }: MessagesProps) {
  const log = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [messages]);
  if (messages.length === 0) return <p className="screen no-messages quiet">{emptyInWords(isHere, isComing)}</p>;
  return (
    <div
      ref={log}
      className="messages"
      role="log"
      aria-labelledby="lobby-heading"
      aria-busy={!isHere}
      tabIndex={0}
      data-testid="messages"
    >
      <ol>
        {messages.map(({ id, user: author, text, created_at }) => (
          <li key={id} data-mine={author?.id === user}>
            <p className="quiet">
              {author?.id} <time dateTime={created_at.toISOString()}>{clock(created_at).slice(0, 5)}</time>
            </p>
            <p>{text}</p>
          </li>
        ))}
      </ol>
    </div>
  );
}

function emptyInWords(isHere: boolean, isComing: boolean): string {
  if (isHere) return "Nobody has said anything yet.";
  return isComing ? "The messages are on their way." : "The messages come when chat is connected.";
}

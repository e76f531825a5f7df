import { useCallback, useEffect, useState } from "react";
import type { Channel, LocalMessage, StreamChat } from "stream-chat";

export interface LobbyState {
  /** The room of this very client; `null`: not yet, or no longer. */
  channel: Channel | null;
  /** Also those of the last client: they are still what was said. */
  messages: LocalMessage[];
  error: string | null;
  retry: () => void;
}

/** The one room that everybody is in. */
export function useLobby(client: StreamChat | null): LobbyState {
  const [channel, setChannel] = useState<Channel | null>(null);
  const [messages, setMessages] = useState<LocalMessage[]>([]);
  const [error, setError] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (!client) return;
    let current = true;
    const room = client.channel("livestream", "lobby");
    const show = () => setMessages([...room.state.messages]);
    const { unsubscribe } = room.on(show);
    room.watch().then(
      () => {
        if (!current) return;
        setChannel(room);
        show();
      },
      (error: unknown) => {
        if (current) setError(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      // The client is being closed: there is nothing to tell the service any more.
      current = false;
      unsubscribe();
      setChannel(null);
      setError(null);
    };
  }, [client, attempt]);

  return { channel, messages, error, retry: useCallback(() => setAttempt((before) => before + 1), []) };
}

import { useState, type FormEvent } from "react";
import type { Channel } from "stream-chat";
import { useTask } from "../useTask";

/** One can always write; to send takes a connection. Writing is activity, and brings one back. */
export function Composer({ channel }: { channel: Channel | null }) {
  const [text, setText] = useState("");
  const sending = useTask();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!channel || sending.busy) return;
    void sending.run(async () => {
      await channel.sendMessage({ text });
      setText("");
    });
  };
  return (
    <form className="row" onSubmit={submit}>
      <input
        aria-label="Your message"
        placeholder="Say something"
        data-testid="message-text"
        value={text}
        onChange={(event) => setText(event.target.value)}
        required
        pattern=".*\S.*"
        maxLength={500}
        autoComplete="off"
      />
      <button className="primary" data-testid="message-send" disabled={!channel || sending.busy}>
        Send
      </button>
      {sending.error && <p role="alert">{sending.error}</p>}
    </form>
  );
}

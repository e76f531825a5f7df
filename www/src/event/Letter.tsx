import { useEffect, useState } from "react";
import PostalMime, { type Email } from "postal-mime";
import { readMail } from "./api";

/** A mail, as a mail program would show it: what is in it may open a link, and do nothing else. */
export function Letter({ messageId }: { messageId: string }) {
  const mail = useMail(messageId);
  if (!mail) return null;
  return (
    <article className="letter" data-testid="letter">
      <h3 data-testid="letter-subject">{mail.subject}</h3>
      <p className="quiet">
        From {mail.from?.address} to {mail.to?.map(({ address }) => address).join(", ")}
      </p>
      <iframe
        title={mail.subject ?? "A mail"}
        data-testid="letter-html"
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        srcDoc={`<base target="_blank">${mail.html}`}
      />
      <details>
        <summary>The same as text</summary>
        <pre data-testid="letter-text">{mail.text}</pre>
      </details>
    </article>
  );
}

function useMail(messageId: string): Email | null {
  const [mail, setMail] = useState<Email | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    readMail(messageId, stop.signal)
      .then((source) => PostalMime.parse(source))
      .then(setMail, () => {
        // Not to be read: its row says that it was sent.
      });
    return () => stop.abort();
  }, [messageId]);
  return mail;
}

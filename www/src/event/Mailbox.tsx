import type { Notice } from "./api";
import { Letter } from "./Letter";
import { noticeInWords } from "./words";

/** What its host was told of each end, and how it got there. */
export function Mailbox({ notices }: { notices: Notice[] }) {
  return (
    <section className="card" aria-labelledby="mailbox-heading">
      <h2 id="mailbox-heading">Your mail</h2>
      {notices.length === 0 && <p className="quiet">Nothing yet. When the event is over, you are told here, once.</p>}
      <ol className="mailbox" data-testid="mailbox">
        {notices.map((notice) => (
          <li key={notice.generation} data-state={notice.state} data-generation={notice.generation}>
            <p className="quiet">
              <span className="badge">{notice.state}</span> {noticeInWords(notice)}
            </p>
            {notice.state === "sent" && notice.message_id && <Letter messageId={notice.message_id} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

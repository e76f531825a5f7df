import { useEffect, useState } from "react";
import { useMeeting } from "streamkeeper/react";
import { useTell } from "../facts";
import { CLOSED, GOODBYES, JOINED, LEFT, OTHERS, type Signal } from "../meeting";
import { useMeetingAtReload, type Hosting } from "./useHosting";

interface Props extends Hosting {
  user: string;
  /** Closing it is the thing to do next; later, everything may still be said, to no effect. */
  closeIsNext: boolean;
}

/** Where a real app has Jitsi's iframe. */
export function MeetingPane({ user, session, meeting, closeIsNext }: Props) {
  useMeeting(meeting, { streamId: session.stream_id, streamerId: user, role: "host" });
  const [inside, setInside] = useState(true);
  useMeetingAtReload(session.id, inside);
  useTell("isInMeeting", inside);

  // After the line above, as with Jitsi: one attaches, then one is let in.
  useEffect(() => meeting.say(JOINED), [meeting]);

  // Streamkeeper may tell it to hang up, when the stream was ended elsewhere.
  useEffect(() => {
    const leave = () => setInside(false);
    meeting.on(CLOSED.event, leave);
    return () => void meeting.off(CLOSED.event, leave);
  }, [meeting]);

  const say = (signal: Signal) => {
    setInside((was) => signal.inside ?? was);
    meeting.say(signal);
  };
  const button = (signal: Signal, className = "") => (
    <button key={signal.testId} className={className} data-testid={signal.testId} onClick={() => say(signal)}>
      {signal.label} <code>{signal.event}</code>
    </button>
  );
  const sayAllTwice = () => [...GOODBYES, ...GOODBYES].forEach(say);

  return (
    <section className="card meeting" aria-labelledby="meeting-heading">
      <h2 id="meeting-heading">The meeting</h2>
      <div className="screen" data-inside={inside}>
        <span className="face" aria-hidden="true">
          {user.slice(0, 1).toUpperCase()}
        </span>
        <p role="status">{inside ? `${user} is in the meeting` : `${user} is not in the meeting`}</p>
      </div>
      <div className="buttons">
        {button(CLOSED, closeIsNext ? "primary" : "")}
        {button(LEFT)}
        {button(JOINED)}
      </div>
      <h3>What else Jitsi may say</h3>
      <div className="buttons">
        {OTHERS.map((signal) => button(signal))}
        <button data-testid="meeting-all-twice" onClick={sayAllTwice}>
          All four goodbyes, twice <code>at the same time</code>
        </button>
      </div>
    </section>
  );
}

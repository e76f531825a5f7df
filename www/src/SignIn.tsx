import { useEffect, useId, useState, type FormEvent } from "react";
import { signIn, type Session } from "./api";
import { Icon, type IconName } from "./overview/icons";
import { useTask } from "./useTask";
import "./welcome.css";

/** Whom a link names, for a second person in another tab. */
const NAMED = new URLSearchParams(location.search).get("name") ?? "ana";

/** What there is to be seen. */
const SHOWN: [icon: IconName, name: string, words: string][] = [
  ["meeting", "A meeting that ends", "Leave it, lose it, be kicked out: its stream ends once, or lives on, as it should."],
  ["database", "A database that knows", "Real PostgreSQL. Its rows stand beside what the page believes, and what the calls did."],
  ["chat", "A chat that costs nothing", "One socket while you are there, none while you are away, never two."],
  ["viewers", "An audience", "Viewers come and go. When the last has left, the event is over, and its host gets one mail."],
  ["network", "Everything that goes wrong", "Networks, tokens, sockets, servers, browsers: each breaks on a click."],
  ["you", "Why it happened", "A timeline draws all of it as it happens, with its reasons."],
];

interface Props {
  onSignedIn: (session: Session) => void;
  /** Who was signed in when the page was reloaded: with a token of today they would not be asked again, either. */
  returning: string | null;
}

export function SignIn({ onSignedIn, returning }: Props) {
  const [name, setName] = useState(returning ?? NAMED);
  const task = useTask();
  const field = useId();
  const enter = () => void task.run(async () => onSignedIn(await signIn(name.trim())));
  useEffect(() => {
    if (returning !== null) enter();
    // Only at first.
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter();
  };
  return (
    <section className="welcome">
      <h1>A stream that is over is over everywhere.</h1>
      <p className="lead">
        Streamkeeper keeps people connected to chat and to a live stream for exactly as long as they are there. Go live, close
        the meeting as a host would, and watch the row in a real PostgreSQL end, exactly once.
      </p>
      <form className="card sign-in" onSubmit={submit}>
        <label htmlFor={field}>Your name, as the host</label>
        <div className="row">
          <input
            id={field}
            data-testid="login-name"
            value={name}
            onChange={(event) => setName(event.target.value)}
            required
            pattern=".*\S.*"
            maxLength={100}
            autoComplete="off"
            spellCheck={false}
          />
          <button className="primary" data-testid="login" disabled={task.busy}>
            Log in
          </button>
        </div>
        <p className="quiet">No password: this is a demo, and nothing of it leaves this machine.</p>
        {task.error && <p role="alert">{task.error}</p>}
      </form>
      <h2>What you will see</h2>
      <ul className="shown">
        {SHOWN.map(([icon, name, words]) => (
          <li key={name}>
            <Icon name={icon} />
            <strong>{name}</strong>
            <span className="quiet">{words}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

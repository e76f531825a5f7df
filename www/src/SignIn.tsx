import { useEffect, useId, useState, type FormEvent } from "react";
import { signIn, type Session } from "./api";
import { useTask } from "./useTask";

/** Whom a link names, for a second person in another tab. */
const NAMED = new URLSearchParams(location.search).get("name") ?? "ana";

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
        Go live, close the meeting as a host would, and watch the row in a real PostgreSQL end, exactly once.
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
        <p className="quiet">No password: this is a demo, on this machine only.</p>
        {task.error && <p role="alert">{task.error}</p>}
      </form>
    </section>
  );
}

import { useState, type FormEvent } from "react";

/** Asks for the gateway's ADMIN_TOKEN. */
export function Token({ onGiven }: { onGiven: (token: string) => void }) {
  const [typed, setTyped] = useState("");
  const give = (event: FormEvent) => {
    event.preventDefault();
    onGiven(typed);
  };
  return (
    <form className="card sign-in" onSubmit={give}>
      <h2>This is for operators</h2>
      <p className="quiet" id="token-kept">
        The token that the gateway was started with as ADMIN_TOKEN. This page keeps it in its memory, and forgets it when it is
        closed or loaded again.
      </p>
      <div className="row">
        <input
          data-testid="token"
          type="password"
          autoComplete="one-time-code"
          aria-label="ADMIN_TOKEN"
          aria-describedby="token-kept"
          required
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <button className="primary" data-testid="open">
          Open
        </button>
      </div>
    </form>
  );
}

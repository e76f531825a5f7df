import { useStreamkeeper } from "streamkeeper/react";
import { useTask } from "./useTask";

/** Who is here, and the way out, which Streamkeeper has to hear of before the app forgets them. */
export function SignedInAs({ user, onSignedOut }: { user: string; onSignedOut: () => void }) {
  const manager = useStreamkeeper();
  const task = useTask();
  const signOut = () =>
    task.run(async () => {
      await manager?.disconnectUser();
      onSignedOut();
    });
  return (
    <>
      <p className="quiet">
        Signed in as <strong data-testid="user">{user}</strong>
      </p>
      <button data-testid="sign-out" disabled={task.busy} onClick={signOut}>
        Sign out
      </button>
      {task.error && <p role="alert">{task.error}</p>}
    </>
  );
}

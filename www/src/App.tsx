import { useMemo, useState } from "react";
import type { ManagerConfig } from "streamkeeper";
import { StreamkeeperProvider } from "streamkeeper/react";
import type { Session } from "./api";
import { SignIn } from "./SignIn";
import { Studio } from "./Studio";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  return (
    <>
      <header className="bar">
        <p className="brand">
          <img src="/icon.svg" alt="" width="28" height="28" /> Streamkeeper
        </p>
        {session && (
          <p className="quiet">
            Signed in as <strong data-testid="user">{session.user}</strong>
          </p>
        )}
      </header>
      <main>{session ? <SignedIn session={session} /> : <SignIn onSignedIn={setSession} />}</main>
    </>
  );
}

function SignedIn({ session }: { session: Session }) {
  const config = useMemo<ManagerConfig>(
    () => ({
      backend: { url: location.origin, apiKey: session.anonKey, accessToken: () => session.token },
    }),
    [session],
  );
  return (
    <StreamkeeperProvider config={config}>
      <Studio user={session.user} />
    </StreamkeeperProvider>
  );
}

import { useMemo, useState, type ReactNode } from "react";
import type { ManagerConfig } from "streamkeeper";
import { StreamkeeperProvider } from "streamkeeper/react";
import type { Session } from "./api";
import { chat } from "./chat/sdk";
import { SignedInAs } from "./SignedInAs";
import { SignIn } from "./SignIn";
import { Studio } from "./Studio";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  if (session) return <SignedIn session={session} onSignedOut={() => setSession(null)} />;
  return (
    <Page>
      <SignIn onSignedIn={setSession} />
    </Page>
  );
}

function SignedIn({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  const config = useMemo<ManagerConfig>(
    () => ({
      backend: { url: location.origin, apiKey: session.anonKey, accessToken: () => session.token },
      chat,
      // So that a socket that has gone silent is missed while somebody looks on.
      health: { interval: 5_000, timeout: 3_000 },
    }),
    [session],
  );
  return (
    <StreamkeeperProvider config={config}>
      <Page who={<SignedInAs user={session.user} onSignedOut={onSignedOut} />}>
        <Studio user={session.user} />
      </Page>
    </StreamkeeperProvider>
  );
}

function Page({ who, children }: { who?: ReactNode; children: ReactNode }) {
  return (
    <>
      <header className="bar">
        <p className="brand">
          <img src="/icon.svg" alt="" width="28" height="28" /> Streamkeeper
        </p>
        {who}
      </header>
      <main>{children}</main>
    </>
  );
}

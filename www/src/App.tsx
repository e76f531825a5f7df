import { useMemo, useState, type ReactNode } from "react";
import type { ManagerConfig } from "streamkeeper";
import { StreamkeeperProvider } from "streamkeeper/react";
import type { Session } from "./api";
import { atReload, forgetAll } from "./atReload";
import { chat } from "./chat/sdk";
import { Colours } from "./Colours";
import { SignedInAs } from "./SignedInAs";
import { SignIn } from "./SignIn";
import { Studio } from "./Studio";

const userAtReload = atReload("user");

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const signedIn = (next: Session) => {
    userAtReload.write(next.user);
    setSession(next);
  };
  const signedOut = () => {
    forgetAll();
    setSession(null);
  };
  if (session) return <SignedIn session={session} onSignedOut={signedOut} />;
  return (
    <Page>
      <SignIn onSignedIn={signedIn} returning={userAtReload.read()} />
    </Page>
  );
}

function SignedIn({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  const config = useMemo<ManagerConfig>(
    () => ({
      backend: {
        url: location.origin,
        gatewayUrl: location.origin,
        apiKey: session.anonKey,
        accessToken: session.accessToken,
      },
      chat,
      // So that a socket that has gone silent is missed while somebody looks on.
      health: { interval: 5_000, timeout: 3_000 },
    }),
    [session],
  );
  return (
    <StreamkeeperProvider config={config}>
      <Page who={<SignedInAs user={session.user} onSignedOut={onSignedOut} />}>
        <Studio session={session} />
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
        <div className="who">
          {who}
          <Colours />
        </div>
      </header>
      <main>{children}</main>
      <footer className="bar quiet">
        <p>
          For operators:{" "}
          <a href="/operator" target="_blank">
            how the gateway and its database are doing
          </a>
        </p>
      </footer>
    </>
  );
}

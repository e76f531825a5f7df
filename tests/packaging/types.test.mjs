/** The types, under strict settings and without `skipLibCheck`, as two resolutions and two compilers read them. */
import { after, before, test } from "node:test";
import { createProject } from "./project.mjs";

const APP = `
  import init, {
    ConnectionManager, INITIAL_SNAPSHOT, StreamkeeperError,
    type EndResult, type ErrorCode, type JitsiLike, type ManagerConfig, type MeetingStream, type Snapshot,
    type StreamStatus, type WasmSource,
  } from "streamkeeper";
  import initInline from "streamkeeper/inline";
  import {
    ConnectionStatus, IdlePrompt, ReconnectBanner, StreamkeeperProvider, useChatClient, useChatUser, useConnection,
    useListing, useMeeting, useRoom, useSession, useSnapshot, useStream, useStreamkeeper, type ChatUser, type ConnectionWords,
  } from "streamkeeper/react";
  import { hlsSession, mpegtsSession, type HlsLike, type MpegtsLike } from "streamkeeper/players";
  import "streamkeeper/react.css";

  const config: ManagerConfig = {
    backend: { url: "https://example.org", accessToken: async () => null },
    ending: { delays: [1_000], onPageHide: "grace" },
  };
  declare const jitsi: JitsiLike;
  declare const hls: HlsLike;
  declare const mpegts: MpegtsLike;

  export async function use(source: WasmSource): Promise<EndResult> {
    await init(source);
    await initInline();
    const manager = ConnectionManager.shared(config);
    const status: StreamStatus = await manager.startStream({ title: "x" });
    const stream: MeetingStream = { streamId: status.stream_id, streamerId: "ana", role: "host" };
    const detach: () => void = manager.attachMeeting(jitsi, stream);
    detach();
    const off = manager.on("endAttempt", ({ attempt, ok }) => void (ok ? attempt.toFixed() : ok));
    off();
    // @ts-expect-error There is no such event.
    manager.on("nothing", () => {});
    // @ts-expect-error A role is one of two.
    manager.attachMeeting(jitsi, { streamId: "", streamerId: "", role: "guest" });
    const orphaned: string[] = manager.syncCheck().discrepancies.orphaned_hls_sessions;
    const release: () => void = hlsSession(hls, { manager, key: orphaned[0] ?? "", relay: true });
    release();
    mpegtsSession(() => mpegts, { manager, key: "", media: document.createElement("video") })();
    const unregister: () => void = manager.registerSession({ key: "", kind: "whiteboard", stop: async () => {} });
    unregister();
    const snapshot: Snapshot = manager.getSnapshot() ?? INITIAL_SNAPSHOT;
    return manager.endStreamById(Object.keys(snapshot.streams)[0] ?? "");
  }

  export function App() {
    return <StreamkeeperProvider config={config}><Room /><Mine /><Chat user={{ id: "ana", data: { name: "Ana" } }} /></StreamkeeperProvider>;
  }

  function Chat({ user }: { user: ChatUser | null }) {
    useChatUser(user, async () => "token");
    const client = useChatClient<{ userID: string }>();
    const { reconnect, nextRetryAt } = useConnection();
    useSession({ key: "", kind: "own", stop() {}, isOpen: () => client !== null });
    const words: Partial<ConnectionWords> = { lost: "weg", nextTry: (at) => at.toISOString() };
    // @ts-expect-error There is no such reason.
    const wrong: Partial<ConnectionWords> = { bored: "" };
    return (
      <>
        <ConnectionStatus className="chat" words={words} lastActivity />
        <ReconnectBanner force words={wrong} />
        <IdlePrompt words={{ answer: "Ja" }} />
        <button onClick={() => void reconnect({ force: true })}>{client?.userID.length ?? nextRetryAt}</button>
      </>
    );
  }

  function Mine() {
    const { isHost, session, conflict, busy, error, goLive, endRoom } = useRoom("x", true);
    const { status, sessions } = useListing();
    const host: boolean | null = isHost;
    const streamId: string | undefined = (session ?? conflict)?.stream_id;
    const listed: string | null = sessions[0]?.host_name ?? null;
    // @ts-expect-error There is no such option.
    const wrong = () => goLive({ takeover: true });
    const over = () => goLive({ takeOver: true, idempotencyKey: "k" }).then(({ recovered }) => recovered === true);
    const end = () => endRoom().then(({ via }) => via === "outbox");
    return <button onClick={() => void (host ? end() : over())}>{status} {streamId} {listed} {String(busy)} {error} {String(wrong)}</button>;
  }

  function Room() {
    const phase: Snapshot["phase"] = useSnapshot((snapshot) => snapshot.phase);
    const manager: ConnectionManager | null = useStreamkeeper();
    const { stream, end } = useStream("x");
    useMeeting(jitsi, stream && { streamId: "x", streamerId: "ana", role: "host" });
    const failed = (error: unknown): ErrorCode | null => (error instanceof StreamkeeperError ? error.code : null);
    return <button onClick={() => void end().catch(failed)}>{phase} {String(manager)}</button>;
  }
`;

const RESOLUTIONS = {
  bundler: { module: "esnext", moduleResolution: "bundler" },
  node16: { module: "node16", moduleResolution: "node16" },
};

const projects = {};
before(async () => {
  projects[19] = await createProject({ packages: ["react", "@types/react"] });
  projects[18] = await createProject({ app: "react-18" });
  for (const project of Object.values(projects)) await project.write("app.tsx", APP);
});
after(() => Promise.all(Object.values(projects).map((project) => project.remove())));

function compiles(compiler, resolution, react = 19) {
  test(`${compiler}, moduleResolution ${resolution}, React ${react}`, async () => {
    const compilerOptions = {
      ...RESOLUTIONS[resolution],
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
      types: [],
      jsx: "react-jsx",
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noUncheckedSideEffectImports: true,
      noEmit: true,
    };
    await projects[react].write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["app.tsx"] }));
    await projects[react].compile(compiler);
  });
}

for (const compiler of ["typescript", "typescript-5"]) {
  for (const resolution of Object.keys(RESOLUTIONS)) compiles(compiler, resolution);
}
compiles("typescript", "bundler", 18);

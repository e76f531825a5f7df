"use client";
import { useEffect, useId, useState, type FormEvent } from "react";
import type { Snapshot, StreamStatus } from "streamkeeper";
import { useManager } from "./context.js";
import { useSnapshot } from "./use-snapshot.js";
import { useStream } from "./use-stream.js";
import { END_WORDS, type EndWords } from "./words.js";

/** What `EndStreamPanel` takes. */
export interface EndStreamPanelProps {
  className?: string;
  words?: Partial<EndWords>;
  /** Streams to show beside those of this page. */
  streamIds?: readonly string[];
}

/**
 * Ends streams by hand: those of this page, and any other by its id; shows what the database says of them, and what this
 * browser still owes it. Everybody's streams can be ended only where the token has the admin claim.
 */
export function EndStreamPanel({ className = "", words, streamIds = [] }: EndStreamPanelProps) {
  const say = { ...END_WORDS, ...words };
  const own = useSnapshot(readIds);
  const [asked, setAsked] = useState<readonly string[]>([]);
  const ids = [...new Set([...own, ...streamIds, ...asked].map((id) => id.toLowerCase()))];
  return (
    <section className={`streamkeeper-end-panel ${className}`.trim()} aria-label={say.heading}>
      {ids.length === 0 ? <p>{say.nothing}</p> : (
        <ul>
          {ids.map((id) => (
            <Row key={id} id={id} say={say} asks={asked.includes(id)} />
          ))}
        </ul>
      )}
      <Ask say={say} onAsk={(id) => setAsked((before) => [...before.filter((other) => other !== id), id])} />
      <Owed say={say} />
      <EndAll say={say} />
    </section>
  );
}

function readIds({ streams }: Snapshot): string[] {
  return Object.keys(streams);
}

/** One stream: what this page knows of it or, where it knows nothing, the database. */
function Row({ id, say, asks }: { id: string; say: EndWords; asks: boolean }) {
  const { stream, end, checkStatus } = useStream(id);
  const [status, setStatus] = useState<StreamStatus | null>(null);
  const task = useTask();
  const check = () => task.run(async () => setStatus(await checkStatus()));
  useEffect(() => {
    if (asks) void check();
    // Once, when somebody has asked for it.
  }, [asks]);
  const now = stream?.status ?? status?.status;
  const over = now === "ended";
  return (
    <li data-status={now}>
      <code>{status?.title ?? id}</code>
      <span role="status">{now === undefined ? say.unknown : say[now]}</span>
      {(task.error ?? stream?.lastError) && <span role="alert">{task.error ?? stream?.lastError}</span>}
      <button type="button" disabled={task.busy} onClick={check}>
        {say.check}
      </button>
      <button
        type="button"
        disabled={task.busy || over || now === "ending"}
        onClick={() => task.run(async () => void (await end("panel")))}
      >
        {now === "failed" ? say.again : say.end}
      </button>
    </li>
  );
}

/** For a stream that this page does not have. */
function Ask({ say, onAsk }: { say: EndWords; onAsk: (id: string) => void }) {
  const field = useId();
  const [id, setId] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (id.trim() === "") return;
    onAsk(id.trim().toLowerCase());
    setId("");
  };
  return (
    <form onSubmit={submit}>
      <label htmlFor={field}>{say.other}</label>
      <input id={field} value={id} onChange={(event) => setId(event.target.value)} autoComplete="off" spellCheck={false} />
      <button type="submit">{say.check}</button>
    </form>
  );
}

/** What has not been delivered yet. */
function Owed({ say }: { say: EndWords }) {
  const owed = useSnapshot((snapshot) => snapshot.pendingEnds);
  const manager = useManager();
  const task = useTask();
  return (
    <div role="status">
      {owed > 0 && (
        <>
          <span>{say.owed(owed)}</span>
          <button type="button" disabled={task.busy} onClick={() => task.run(async () => (await manager()).retryPendingEnds())}>
            {say.retry}
          </button>
        </>
      )}
    </div>
  );
}

/** Seen by admins only; and the database asks again. */
function EndAll({ say }: { say: EndWords }) {
  const phase = useSnapshot((snapshot) => snapshot.phase);
  const manager = useManager();
  const [admin, setAdmin] = useState(false);
  const [sure, setSure] = useState(false);
  const [ended, setEnded] = useState<number | null>(null);
  const task = useTask();
  useEffect(() => {
    let mounted = true;
    const ask = async () => (await manager()).isAdmin();
    ask().then((is) => mounted && setAdmin(is), () => {});
    return () => {
      mounted = false;
    };
  }, [manager, phase]);
  if (!admin) return null;
  const endAll = () =>
    task.run(async () => {
      setSure(false);
      setEnded((await (await manager()).forceEndAllStreams()).ended.length);
    });
  return (
    <div>
      <button type="button" disabled={task.busy} onClick={sure ? endAll : () => setSure(true)}>
        {sure ? say.sure : say.endAll}
      </button>
      {sure && (
        <button type="button" onClick={() => setSure(false)}>
          {say.cancel}
        </button>
      )}
      {ended !== null && <span role="status">{say.endedAll(ended)}</span>}
      {task.error && <span role="alert">{task.error}</span>}
    </div>
  );
}

/** One thing at a time, and what went wrong with it. */
function useTask(): { busy: boolean; error: string | null; run: (work: () => Promise<void>) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}

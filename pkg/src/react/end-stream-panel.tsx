"use client";
import { useEffect, useId, useReducer, useRef, useState, type FormEvent } from "react";
import type { ErrorCode, Snapshot, StreamkeeperError, StreamStatus } from "streamkeeper";
import { Box } from "./box.js";
import { Button } from "./button.js";
import { useManager, useStreamkeeper } from "./context.js";
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
  // Somebody else may have signed in meanwhile, which nobody tells of.
  const [looks, look] = useReducer((before: number) => before + 1, 0);
  // In the order in which they were asked for last; the number is how often.
  const [asked, setAsked] = useState<ReadonlyMap<string, number>>(new Map());
  const ids = [...new Set([...own, ...streamIds, ...asked.keys()].map((id) => id.toLowerCase()))];
  const ask = (id: string) =>
    setAsked((before) => {
      const others = [...before].filter(([other]) => other !== id);
      return new Map([...others, [id, (before.get(id) ?? 0) + 1]]);
    });
  return (
    <section
      className={`streamkeeper-end-panel ${className}`.trim()}
      aria-label={say.heading}
      onPointerEnter={look}
      onFocus={look}
    >
      {ids.length === 0 ? <p>{say.nothing}</p> : (
        <ul>
          {ids.map((id) => (
            <Row key={id} id={id} say={say} asked={asked.get(id) ?? 0} />
          ))}
        </ul>
      )}
      <Ask say={say} onAsk={ask} />
      <Owed say={say} />
      <EndAll say={say} looks={looks} />
    </section>
  );
}

function readIds({ streams }: Snapshot): string[] {
  return Object.keys(streams);
}

/** One stream: what this page knows of it or, where it knows nothing, the database. */
function Row({ id, say, asked }: { id: string; say: EndWords; asked: number }) {
  const { stream, end, checkStatus } = useStream(id);
  const [status, setStatus] = useState<StreamStatus | null>(null);
  const isReady = useStreamkeeper() !== null;
  const task = useTask();
  const check = () => task.run(async () => setStatus(await checkStatus()));
  useEffect(() => {
    if (asked > 0 && isReady) void check();
    // Once each time that somebody has asked for it.
  }, [asked, isReady]);
  const title = useId();
  const now = stream?.status ?? status?.status;
  const over = now === "ended" || now === "ending";
  const failure = task.failure ?? (stream?.lastError ? { message: stream.lastError } : null);
  return (
    <li data-status={now} aria-busy={task.busy}>
      <code id={title}>{status?.title ?? id}</code>
      <span role="status">{now === undefined ? say.unknown : say[now]}</span>
      <Problem say={say} failure={failure} />
      <Button off={task.busy} onClick={check} about={title}>
        {say.check}
      </Button>
      <Button off={task.busy || over} onClick={() => task.run(async () => void (await end("panel")))} about={title}>
        {now === "failed" ? say.again : say.end}
      </Button>
    </li>
  );
}

/** Its region is always there, lest what comes into being together with it is not read out. */
function Problem({ say, failure }: { say: EndWords; failure: Failure | null }) {
  return <span role="alert">{failure && say.problem(failure.message, failure.code)}</span>;
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
    <div role="status" tabIndex={-1}>
      {owed > 0 && (
        <Box>
          <span>{say.owed(owed)}</span>
          <Button off={task.busy} onClick={() => task.run(async () => (await manager()).retryPendingEnds())}>
            {say.retry}
          </Button>
        </Box>
      )}
    </div>
  );
}

/** Seen by admins only; and the database asks again. `looks`: how often somebody has turned to the panel. */
function EndAll({ say, looks }: { say: EndWords; looks: number }) {
  const user = useSnapshot((snapshot) => snapshot.chat.userId);
  const manager = useManager();
  const [admin, setAdmin] = useState(false);
  const [sure, setSure] = useState(false);
  const [ended, setEnded] = useState<number | null>(null);
  const task = useTask();
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    let mounted = true;
    const ask = async () => (await manager()).isAdmin();
    ask().then((is) => mounted && setAdmin(is), () => mounted && setAdmin(false));
    return () => {
      mounted = false;
    };
  }, [manager, user, looks]);
  if (!admin) return null;
  const endAll = () =>
    task.run(async () => {
      setSure(false);
      setEnded((await (await manager()).forceEndAllStreams()).ended.length);
    });
  const cancel = () => {
    setSure(false);
    first.current?.focus();
  };
  return (
    <div>
      <Button off={task.busy} onClick={sure ? endAll : () => setSure(true)} button={first}>
        {sure ? say.sure : say.endAll}
      </Button>
      {sure && <Button onClick={cancel}>{say.cancel}</Button>}
      <span role="status">{ended !== null && say.endedAll(ended)}</span>
      <Problem say={say} failure={task.failure} />
    </div>
  );
}

interface Failure {
  message: string;
  code?: ErrorCode;
}

/** One thing at a time, and what went wrong with it. */
function useTask(): { busy: boolean; failure: Failure | null; run: (work: () => Promise<void>) => Promise<void> } {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    try {
      await work();
    } catch (error) {
      setFailure(error as StreamkeeperError);
    } finally {
      setBusy(false);
    }
  };
  return { busy, failure, run };
}

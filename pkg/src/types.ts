import type { ChatTransport } from "./transports/types.js";

/** Milliseconds throughout, unless a name says otherwise. */
export interface ManagerConfig {
  /** How chat is connected: `streamChat(…)`, `webSocket(…)`, or your own. */
  chat?: ChatTransport;
  /** Where streams are kept. Without it nothing can be started or ended, and such calls reject with `no_backend`. */
  backend?: {
    /** The origin of a Supabase project or of a gateway. */
    url: string;
    /** The publishable key, sent as `apikey`. Never a service key. */
    apiKey?: string;
    /** The origin of a gateway that stands beside a Supabase project. */
    gatewayUrl?: string;
    /** The signed-in person's JWT; `null`: signed out. Asked for again when the backend does not take the last one. */
    accessToken?: () => string | null | Promise<string | null>;
  };
  /** How a stream is ended. */
  ending?: {
    /** Before attempts 2, 3, …; the last one repeats. Default `[1_000, 2_000, 3_000]`. */
    delays?: number[];
    /** Attempts in one round, 1 to 10. Default 3. */
    maxAttempts?: number;
    /** For one attempt. Default 10 000. */
    timeout?: number;
    /** How long a leave may be a reconnect. Default 4 000; 60 000 after a fatal error that Jitsi recovers from. */
    leaveGrace?: number;
    /**
     * What a page that goes away does with the streams it hosts: end them (`"end"`), hold them for `hostGrace` more, so
     * that a reload keeps them and a closed tab ends them (`"grace"`, the default), or say nothing (`"keep"`: they end
     * when the lease that it has is over).
     */
    onPageHide?: "grace" | "end" | "keep";
    /** How long a page that goes away still holds its streams. Default 30 000; at most 900 000 has an effect. */
    hostGrace?: number;
  };
  /** When a person counts as gone; `null`: never. */
  inactivity?: {
    /** Without activity for so long, chat disconnects. Default 300 000. */
    timeout?: number | null;
    /** So long before that the person is asked: the `idlePrompt` event, `<IdlePrompt/>`. Less than `timeout`; default `null`. */
    prompt?: number | null;
    /** Hidden for so long, chat disconnects. Default 60 000; 0: at once. */
    hiddenGrace?: number | null;
    /** What a joined meeting does: it keeps chat alive, in hidden tabs too (`"stay"`, the default), or nothing (`"apply"`). */
    whileLive?: "stay" | "apply";
  };
  /** How a lost chat connection comes back. */
  reconnect?: {
    /** Before the first try, give or take half. Default 2 000. Then full jitter, under a bound that doubles. */
    delay?: number;
    /** The longest bound. Default 30 000. */
    maxDelay?: number;
    /** Default `true`. `false`: exactly the bounds. */
    jitter?: boolean;
  };
  /** How a chat connection is checked. */
  health?: {
    /** Between two checks. Default 30 000. */
    interval?: number;
    /** For the answer to one; for a token, and for an opening as well. Default 10 000. */
    timeout?: number;
  };
  /** Where messages go. Default: `console.warn` and `console.error`, nothing below. */
  logger?: Partial<Record<LogLevel, (message: string, data?: unknown) => void>>;
}

/** How much a message matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Why there is no chat connection, or why the last one had closed.
 *
 * - `sign_out`, `switched_user`: the person has signed out; another one has signed in
 * - `inactive`, `hidden`: they did nothing for `inactivity.timeout`; nobody saw the page for `inactivity.hiddenGrace`
 * - `offline`, `page_hidden`, `frozen`: there is no network; the page has gone, or is in the back/forward cache; it is frozen
 * - `lost`, `unhealthy`: it has gone by itself, or could not be made; it does not answer, or is somebody else's
 * - `token`: no valid token could be had. `refused`: the service has said no, and nobody tries again until `reconnect()`
 * - `forced`: `reconnect({force: true})`. `disposed`: the manager has been disposed of
 */
export type Reason =
  | "sign_out"
  | "switched_user"
  | "inactive"
  | "hidden"
  | "offline"
  | "page_hidden"
  | "frozen"
  | "lost"
  | "unhealthy"
  | "token"
  | "refused"
  | "forced"
  | "disposed";

/** Everything that can be seen of a manager. Frozen; unchanged parts keep their identity. */
export interface Snapshot {
  phase: "loading" | "ready" | "unavailable" | "crashed" | "disposed";
  chat: {
    status: "disconnected" | "connecting" | "connected" | "reconnecting" | "closing";
    /** Why it is not connected; `null` while it is. */
    reason: Reason | null;
    /** Who is to be connected. */
    userId: string | null;
    /** Failures in a row. */
    attempt: number;
    nextRetryAt: number | null;
    /** Which connection this is, or was, from 1. */
    generation: number;
    lastError: string | null;
  };
  presence: {
    active: boolean;
    lastActivityAt: number;
    visible: boolean;
    online: boolean;
    frozen: boolean;
    idlePromptUntil: number | null;
  };
  /** By stream id; of those that are over the twenty that ended last, and those that something is still attached to. */
  streams: Record<string, StreamState>;
  /** By room id: those that this page has asked about. */
  rooms: Record<string, RoomState>;
  /** What is live, while `watchListing()` looks at it. */
  listing: ListingState;
  /** By event id: those that `watchEvent()` watches. */
  events: Record<string, EventState>;
  /** Ends that could not be delivered so far, also of earlier pages of this browser: they are tried again. */
  pendingEnds: number;
}

/** One stream, as this page knows it. */
export interface StreamState {
  role: "host" | "viewer";
  status: "live" | "leaving" | "ending" | "ended" | "failed";
  /** The signal that led to the status: Jitsi's own event name, or `detached`, `page_hidden`, `ended_elsewhere`, `requested`, or yours. */
  reason: string | null;
  /** Attempts in this round. */
  attempt: number;
  lastError: string | null;
}

/** One room, as this page knows it. */
export interface RoomState {
  status: "idle" | "going_live" | "live" | "ending";
  /** Whether the signed-in person is its host; `null`: the database has not been asked yet. */
  isHost: boolean | null;
  /** The open session, live or scheduled. */
  session: RoomSession | null;
  lastError: string | null;
}

/** The listing, as this page has it. */
export interface ListingState {
  /**
   * `live`: every change is pushed. `polling`: there is no gateway, or it is away, and the listing is asked for about every 15 s
   * while the page is seen.
   */
  status: "off" | "connecting" | "live" | "polling";
  /** Newest first. */
  sessions: ListedSession[];
  lastError: string | null;
}

/** How it stands with the presence at one event. */
export interface EventState {
  /** `open`: this page counts. `refused`: it may not watch, or there is no such event. */
  status: "connecting" | "open" | "ended" | "refused";
  /** How many watch it; `null`: not known now. The host is not a viewer. */
  viewers: number | null;
}

/** What `watchEvent` gives. */
export interface EventWatch {
  /** An explicit goodbye: this page does not count any more. */
  leave(): void;
  /** How many watch it; `null`: not known now. */
  viewers(): number | null;
}

/** The events of `on`. */
export interface Events {
  /** The chat connection is another, or stands elsewhere. */
  status: Snapshot["chat"];
  /** A chat connection is about to be closed. Called before that, and within the same step: let go of its channels here. */
  disconnect: { reason: Reason; client: unknown };
  /** Nobody has done anything for `inactivity.timeout`. */
  idle: Record<string, never>;
  /** Nobody has done anything for a while: `keepAwake()`, or any activity, before `until` keeps chat connected. */
  idlePrompt: { until: number };
  /** An attempt to end a stream has been answered, or has timed out. */
  endAttempt: { streamId: string; attempt: number; signal: string | null; ok: boolean; status: string | null; error: string | null };
  /** A stream is over; `elsewhere`: somebody else had ended it. Once per stream. */
  end: { streamId: string; reason: string | null; elsewhere: boolean };
  /** A session is still open though its stream is over, or though it was stopped. It is stopped again at every health check. */
  orphan: { key: string; kind: string };
  /** So many watch the event now. */
  viewers: { eventId: string; count: number };
  /** What the logger gets. */
  log: { level: LogLevel; message: string; data?: unknown };
}

/** What the connections of this page have cost, and what was saved. */
export interface Usage {
  /** Chat connections that were opened. */
  opened: number;
  /** Askings that an open connection answered. */
  reused: number;
  /** Askings that joined a connection on its way. */
  avoided: number;
  /** For how long somebody was connected. */
  connectedMs: number;
  /** For how long nobody was connected because nobody was there. */
  idleSavedMs: number;
  /** Connections that came after another one, by what that had closed of. */
  reconnects: Record<Reason, number>;
  /** Sessions that were still open when their stream was over, or when they had been stopped. */
  orphans: number;
  /** Calls to end streams; streams that were ended; rounds of calls that were given up; ends from an earlier page. */
  ends: { attempts: number; ended: number; failed: number; replayed: number };
}

/** Something that is open in this page for a stream, and is to be stopped when that is over. */
export interface StreamSession {
  /** The stream's id. */
  key: string;
  /** What kind of thing it is; your own word, if none of these is right. */
  kind: "chat" | "meeting" | "hls" | "ts" | (string & {});
  /** Stops it. It may throw, or take long: that is logged, after 5 s too, and harms no other session. */
  stop(): void | Promise<void>;
  /** Whether it is open now. Without it a `stop` that went well is believed. */
  isOpen?(): boolean;
}

/** Sessions of one kind that are open, and the keys of their streams. Of chat's connection the key is the user's id. */
export interface OpenSessions {
  session_count: number;
  session_keys: string[];
}

/** Whether the streams and the sessions of this page are in step. The same as the gateway's `GET /debug/sync-check`, for one page. */
export interface SyncReport {
  /** The streams that this page does not know to be over. */
  state: { stream_count: number; stream_keys: string[] };
  ts_proxy: OpenSessions;
  hls_proxy: OpenSessions;
  discrepancies: {
    /** Open, though their stream is over, or though they were stopped. What is being stopped is not among them. */
    orphaned_ts_sessions: string[];
    orphaned_hls_sessions: string[];
    /**
     * Registered, of a stream that is live, and not open, though they had `health.timeout` to open; and no other session of the
     * kind has taken their place. A stream of which this page has registered no player misses none.
     */
    missing_ts_sessions: string[];
    missing_hls_sessions: string[];
    has_issues: boolean;
    /** The same of the other kinds. */
    other: Record<string, { orphaned: string[] }>;
  };
  /** The other kinds: `meeting`, `chat`, and your own. */
  sessions: Record<string, OpenSessions>;
}

/** A stream, as the database has it. */
export interface StreamStatus {
  stream_id: string;
  streamer_id: string;
  title: string | null;
  status: "scheduled" | "live" | "ended";
  is_live: boolean;
  started_at: string | null;
  ended_at: string | null;
  last_seen_at: string | null;
  duration_seconds: number;
  end_reason: string | null;
}

/** A stream in the listing. */
export interface ActiveStream {
  stream_id: string;
  title: string | null;
  streamer_id: string;
  streamer_name: string | null;
  started_at: string;
  duration_seconds: number;
  /** `null`: nothing counts them. */
  viewers: number | null;
}

/** A room, as the database has it. */
export interface Room {
  id: string;
  title: string | null;
  status: "idle" | "scheduled" | "lobby" | "live";
  host_user_id: string;
  current_session_id: string | null;
  /** Whether a page of the host holds the session's stream now. */
  host_present: boolean;
  current_session?: RoomSession | null;
}

/** One session of a room. Its stream has an id of its own: that is what `attachMeeting` needs. */
export interface RoomSession {
  id: string;
  room_id: string;
  stream_id: string;
  status: "scheduled" | "live" | "ended" | "cancelled";
  started_at: string | null;
  ended_at: string | null;
  /** The room was stuck, and has been reset on the way. */
  recovered?: boolean;
}

/** A session in the listing: a row of `community_live_streams`. */
export interface ListedSession {
  id: string;
  room_id: string;
  stream_id: string;
  host_user_id: string;
  host_name: string | null;
  title: string | null;
  /** `lobby`: scheduled, and people may wait inside. */
  status: "scheduled" | "lobby" | "live";
  is_live: boolean;
  starts_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  duration_seconds: number;
  viewers: number;
}

/** The options of `goLive`. */
export interface GoLiveOptions {
  /** At most 200 characters. */
  title?: string;
  /** Your own; otherwise every go-live has one of its own, and keeps it until the database has answered. */
  idempotencyKey?: string;
  /** End the session that is live in the room first. For after a `conflict`, when the person has said so. */
  takeOver?: boolean;
}

/** What came of an end of a room. */
export interface EndRoomResult {
  /** `queued`: it could not be delivered yet; it is written down in this browser and goes on. */
  status: "ended" | "already_ended" | "queued";
  /** It had ended before. */
  already: boolean;
  via: "gateway" | "database" | "outbox";
}

/** An end, or a goodbye, that the database has not answered yet. */
export interface PendingEnd {
  streamId: string;
  kind: "end" | "leave";
  at: number;
  attempts: number;
  lastError: string | null;
}

/** What came of an end. */
export interface EndResult {
  /**
   * `queued`: it could not be delivered yet; it is written down in this browser and goes on. `held_elsewhere`: this page has
   * left it, and another tab or device keeps it alive.
   */
  status: "ended" | "already_ended" | "held_elsewhere" | "not_found" | "queued";
  ended: string[];
  already: string[];
  /** Calls that were made for it. */
  attempts: number;
  via: "rpc" | "fallback" | "outbox";
}

/** What a stream's meeting has to say of it. */
export interface MeetingStream {
  streamId: string;
  streamerId: string;
  /** `viewer`: whatever happens in this page, it ends nothing. */
  role: "host" | "viewer";
  /** Only if that participant's leave is to end the stream as well: its id in the meeting. */
  hostParticipantId?: string;
}

type Listener = (...args: any[]) => void;

/** Jitsi's IFrame API, or anything with a Node-style emitter. */
export type JitsiLike = (
  | { on(event: string, listener: Listener): unknown; off(event: string, listener: Listener): unknown }
  | { addListener(event: string, listener: Listener): unknown; removeListener(event: string, listener: Listener): unknown }
) & {
  /** Asked when it is attached: more than 0 means that it has been joined already. Without it, attach before the join. */
  getNumberOfParticipants?(): number;
  /** Told to hang up when the stream was ended elsewhere. */
  executeCommand?(command: string, ...args: any[]): unknown;
};

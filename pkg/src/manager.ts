import { Chat, claimsOf, kindsOf, noClient, subjectOf } from "./chat.js";
import { type ErrorCode, StreamkeeperError, fromRaw, readable } from "./error.js";
import { Feed } from "./feed.js";
import type { Host, Raw, RawConstructor } from "./raw.js";
import { Sessions } from "./sessions.js";
import { slot } from "./shared.js";
import { Sockets } from "./sockets.js";
import { INITIAL_SNAPSHOT, isLiteral, share } from "./snapshot.js";
import { reportOf, type Row } from "./sync-report.js";
import type {
  ActiveStream,
  EndResult,
  EndRoomResult,
  Events,
  EventWatch,
  GoLiveOptions,
  JitsiLike,
  LogLevel,
  ManagerConfig,
  MeetingStream,
  PendingEnd,
  Reason,
  Room,
  RoomSession,
  Snapshot,
  StreamSession,
  StreamStatus,
  SyncReport,
  Usage,
} from "./types.js";

interface Promised {
  resolve(value: never): void;
  reject(error: StreamkeeperError): void;
}

/** The page's one manager. Every method is bound: it may be passed on by itself. */
export class ConnectionManager {
  readonly #raw: Raw;
  readonly #data: string;
  readonly #listening = new AbortController();
  readonly #pending = new Map<number, Promised>();
  readonly #subscribers = new Set<() => void>();
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  /** What takes our listeners off the meetings when the WASM no longer can. */
  readonly #afterCrash = new Set<() => void>();
  /** The listeners that the WASM has had made for the meeting that is being attached. */
  readonly #made: [string, (payload: unknown) => void][] = [];
  readonly #chat: Chat;
  readonly #sockets = new Sockets(
    async () => {
      const { apiKey: apikey, accessToken } = this.#config.backend ?? {};
      const token = (await accessToken?.()) || null;
      return { token, apikey, user: (token && subjectOf(token)) ?? null };
    },
    (socket, message, code) => this.#heard("a viewer's socket", () => this.#raw.socketEvent(socket, message, code)),
  );
  readonly #feed = new Feed((rows) => this.#heard("the listing", () => this.#raw.feedEvent(rows)));
  readonly #sessions = new Sessions((session, failed, open) =>
    this.#heard("a session", () => this.#raw.sessionEvent(session, failed, open)),
  );
  /** Takes the activity listeners away. */
  #activity = new AbortController();
  #config: ManagerConfig;
  #snapshot: Snapshot = INITIAL_SNAPSHOT;
  #nextStream: string | undefined;
  #calls = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disposing: Promise<void> | undefined;

  /**
   * The page's one manager: across components, copies of this module and hot reloads.
   *
   * Later calls may give the same configuration again: its functions replace the earlier ones, so that none goes stale.
   *
   * @throws StreamkeeperError `not_initialised` before `init()`; `invalid_config` for a bad value, or for other data than
   * the manager was made with
   */
  static shared(config?: ManagerConfig): ConnectionManager {
    const shared = slot();
    if (shared.manager) {
      if (config) shared.manager.adopt(config);
      return shared.manager;
    }
    if (shared.isBroken) throw crashed();
    if (!shared.Raw) throw new StreamkeeperError("not_initialised", "await init() before ConnectionManager.shared()");
    return (shared.manager = new ConnectionManager(shared.Raw, config ?? {}));
  }

  private constructor(Raw: RawConstructor, config: ManagerConfig) {
    this.#config = config;
    // What was under way when the WASM trapped still comes back to it; nothing that it then says is to be believed.
    const unlessCrashed =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#snapshot.phase !== "crashed") act(...args);
      };
    const host: Host = {
      holder: randomUuid(),
      signal: this.#listening.signal,
      accessToken: () => this.#config.backend?.accessToken?.() ?? null,
      subject: subjectOf,
      pageListener: (event: Event) => this.#heard(event.type, () => this.#raw.pageEvent(event)),
      activityListener: () => {
        // The first of them takes all away: until the WASM wants them again, a mouse move costs nothing.
        this.#activity.abort();
        this.#heard("activity", () => this.#raw.activity(true));
      },
      activitySignal: () => {
        this.#activity = new AbortController();
        if (!this.#isUsable()) this.#activity.abort();
        return this.#activity.signal;
      },
      claimListener: (key: string) => () => this.#heard("a lock", () => this.#raw.claimed(key)),
      tabListener: (event: Event) => this.#heard("a message of another tab", () => this.#raw.tabEvent(event)),
      chat: unlessCrashed((generation: number, what: string, why?: string) => this.#chat.act(generation, what, why)),
      socket: unlessCrashed((socket: number, what: string, url?: string) => this.#sockets.act(socket, what, url)),
      session: unlessCrashed((session: number, what: string) => this.#sessions.act(session, what)),
      feed: unlessCrashed((url?: string) => this.#feed.open(url)),
      forgetUser: () => this.#chat.forget(),
      settleClient: unlessCrashed((call: number, generation: number) => {
        const opened = this.#chat.opened(generation);
        this.#settle(call, opened !== undefined, opened ? opened.client : noClient());
      }),
      listener: (meeting: number, name: string) => {
        const listener = (payload: unknown) => this.#heard(name, () => this.#raw.meetingEvent(meeting, name, payload));
        this.#made.push([name, listener]);
        return listener;
      },
      settle: unlessCrashed((call: number, ok: boolean, value: unknown) => this.#settle(call, ok, value)),
      emit: unlessCrashed((event: string, data: unknown) => this.#emit(event as keyof Events, data as never)),
      changed: unlessCrashed(() => this.#refresh()),
      setTimer: unlessCrashed((after?: number) => this.#setTimer(after)),
      crashed: () => this.#crash("panicked"),
    };
    slot().crashed = host.crashed;
    this.#chat = new Chat(
      () => this.#config.chat,
      (generation, event, payload) => this.#heard(event, () => this.#raw.chatEvent(generation, event, payload)),
      (reason, client) => this.#emit("disconnect", { reason: reason as Reason, client }),
    );
    const checked = readable("invalid_config", "config", () => withoutExtras(config));
    this.#raw = this.#enter(() => new Raw(checked, host));
    this.#data = readable("invalid_config", "config", () => dataOf(config));
    this.#refresh();
    if (config.backend) this.#enter(() => this.#raw.takeUp());
  }

  /**
   * Connects a user to chat and keeps them connected while they are there. Gives the live client; the same client, if this
   * user is connected already. Another user's connection is closed before this one opens.
   *
   * `token`: a function is asked for every connection anew, and may give a promise. The promise that this gives rejects
   * when the first attempt fails, and waits while nobody sees the page or the person is away; the manager goes on trying, and `chatClient()` and the `status` event tell of it.
   *
   * @throws StreamkeeperError `invalid_argument`, `no_chat`, `token`, `not_allowed`, `offline`, `timeout`, `conflict` (another
   * user was connected, or this one was signed out, in the meantime)
   */
  readonly connectUser = async (userId: string, token: string | (() => string | Promise<string>), userData?: object): Promise<unknown> => {
    const kinds = readable("invalid_argument", "token or userData", () => kindsOf(token, userData));
    return this.#call<unknown>("connectUser", { userId, ...kinds }, () => this.#chat.identify(userId, token, userData));
  };

  /** The client of the connection that is open now, or `null`. Never one that is being closed. */
  readonly chatClient = (): unknown =>
    this.#isUsable() ? (this.#chat.opened(this.#enter(() => this.#raw.chatGeneration()))?.client ?? null) : null;

  /**
   * Signs the user out, here and in all tabs: what is live ends, chat closes, user and token are forgotten. Call it before
   * the app's own sign-out, while the token is still good.
   */
  readonly disconnectUser = (): Promise<void> => this.#call<unknown>("disconnectUser", {}).then(() => {});

  /** Connects again if need be. `force`: closes the client, however well it is, and makes a new one. Gives the client. */
  readonly reconnect = (options: { force?: boolean } = {}): Promise<unknown> => this.#call("reconnect", options);

  /** Tells of activity that the page cannot see: in a canvas, a game controller, a foreign iframe. */
  readonly reportActivity = (_source?: string): void => {
    if (this.#isUsable()) this.#enter(() => this.#raw.activity(false));
  };

  /** The answer to an idle prompt: the person is there. */
  readonly keepAwake = (): void => this.reportActivity("keepAwake");

  /**
   * The person's own settings, at run time; what is left out stays as it is.
   *
   * @throws StreamkeeperError `invalid_config`
   */
  readonly setInactivity = (options: ManagerConfig["inactivity"]): void => {
    if (this.#isUsable()) this.#enter(() => this.#raw.setInactivity(options));
  };

  /**
   * Starts a stream: the caller becomes its streamer, and this page its holder. Without `streamId` a new one; with it an
   * own scheduled one, or an own live one again.
   */
  readonly startStream = async (options: { streamId?: string; title?: string } = {}): Promise<StreamStatus> => {
    const isNew = readable("invalid_argument", "options", () => options?.streamId === undefined || options.streamId === null);
    // The id is made up here and kept until the database has answered, so that a second click, or another try after a lost
    // answer, starts the same stream.
    const given = (): object => (isNew ? { ...options, streamId: (this.#nextStream ??= randomUuid()) } : options);
    const started = this.#call<StreamStatus>("startStream", readable("invalid_argument", "options", given));
    const answered = () => {
      if (isNew) this.#nextStream = undefined;
    };
    return started.then(
      (status) => (answered(), status),
      (error: StreamkeeperError) => {
        if (!UNANSWERED.includes(error.code)) answered();
        throw error;
      },
    );
  };

  /**
   * Watches a meeting, so that its end ends the stream. The function that it gives detaches: the stream is then `leaving`,
   * and attaching it again within `ending.leaveGrace` cancels that (StrictMode, a route that is left and entered again).
   *
   * @throws StreamkeeperError `invalid_argument`
   */
  readonly attachMeeting = (meeting: JitsiLike, stream: MeetingStream): (() => void) => {
    if (this.#snapshot.phase === "disposed") throw disposed();
    this.#made.length = 0;
    const id = this.#enter(() => this.#raw.attach(meeting, stream));
    const listeners = this.#made.splice(0);
    const afterCrash = () => letGo(meeting, listeners);
    this.#afterCrash.add(afterCrash);
    return () => {
      this.#afterCrash.delete(afterCrash);
      if (this.#isUsable()) this.#enter(() => this.#raw.detach(id));
    };
  };

  /** Ends a stream. However many ask, it is ended once, and all of them get the answer. */
  readonly endStreamById = (streamId: string, reason?: string): Promise<EndResult> =>
    this.#call("endStreamById", { streamId, reason });

  /**
   * For an app that is about to navigate: ends the streams that this page holds; if it holds none, those of the streamer that
   * nobody holds. Resolves with the first answer, or after 300 ms with `queued`, and goes on in the background; it never
   * rejects for what the database does. What another device of theirs holds lives on.
   */
  readonly endStreamOnRedirect = (streamerId: string): Promise<EndResult> => this.#call("endStreamOnRedirect", { streamerId });

  /** What this browser still owes the database: ends and goodbyes that have not been answered. */
  readonly pendingEnds = (): PendingEnd[] => this.#enter(() => this.#raw.pendingEnds() as PendingEnd[]);

  /** Tries them all now. Resolves when each has been tried; `pendingEnds()` then has what is left. */
  readonly retryPendingEnds = (): Promise<void> => this.#call<unknown>("retryPendingEnds", {}).then(() => {});

  /** A stream as the database has it, of whomever it is. */
  readonly getStreamStatus = (streamId: string): Promise<StreamStatus> => this.#call("getStreamStatus", { streamId });

  /** What is live now, newest first. */
  readonly listActiveStreams = (): Promise<ActiveStream[]> => this.#call("listActiveStreams", {});

  /**
   * Whether the signed-in person's token has the admin claim (`app_metadata.role`): for what is to be shown. What may be done
   * is for the database to say.
   */
  readonly isAdmin = async (): Promise<boolean> => {
    const asked = async () => this.#config.backend?.accessToken?.();
    const token = await asked().catch(() => {
      // What it threw is not repeated: nobody knows what is in it.
      throw new StreamkeeperError("token", "accessToken() failed");
    });
    const { app_metadata } = claimsOf(token ?? "") as { app_metadata?: { role?: unknown } };
    return app_metadata?.role === "admin";
  };

  /** Ends everything that is live, of everybody. Rejects with `not_allowed` unless the token is an admin's. */
  readonly forceEndAllStreams = (): Promise<EndResult> => this.#call("forceEndAllStreams", {});

  /** Ends what nobody has been seen in for 24 hours; gives their number. Rejects with `not_allowed` unless an admin's. */
  readonly autoEndInactiveStreams = (): Promise<number> => this.#call("autoEndInactiveStreams", {});

  /** The signed-in person's one permanent room. It is made at their first visit. */
  readonly myRoom = (): Promise<Room> => this.#call("myRoom", {});

  /**
   * Goes live in an own room: a session begins, its stream is live, and this page holds it; attach its meeting with
   * `session.stream_id`. However many clicks there are, one attempt is under way for a room, and all get its answer. A lost
   * answer is asked for again with the same key. A room that is stuck (an ended session is left in it) is reset on the way.
   *
   * @throws StreamkeeperError `conflict`: it is live already, and `error.cause.session` is the session: join it, or take it
   * over with `{takeOver: true}`. `not_allowed`, `not_found`, `invalid_argument`, `offline`, `timeout`, `token`, `rejected`
   */
  readonly goLive = (roomId: string, options?: GoLiveOptions): Promise<RoomSession> =>
    this.#call<RoomSession>("goLive", { roomId, options }).catch((error: StreamkeeperError) => {
      throw error.code === "conflict" ? new StreamkeeperError(error.code, error.message, withSession(error.cause)) : error;
    });

  /**
   * Ends a room: its session, everybody's attendance, its stream and its event, in one transaction. Goes by the gateway where
   * there is one, and by the database where there is none or it fails; like every end it is tried again, and not lost. Of a
   * room whose session this page has not heard of yet (`useRoom`, `isHost` and `myRoom` ask), whatever is open is ended; that
   * is tried as often, and rejects if nobody can be reached.
   */
  readonly endRoom = (roomId: string): Promise<EndRoomResult> => this.#call("endRoom", { roomId });

  /**
   * Whether the signed-in person is the room's host: what the database says, also after a reload. `hint`, what the page
   * believes, is the answer until the database has given its own; the snapshot's `rooms` then has that.
   */
  readonly isHost = (roomId: string, hint?: boolean): Promise<boolean> => this.#call("isHost", { roomId, hint });

  /**
   * Keeps the snapshot's `listing` up to date: pushed by the gateway, where there is one, otherwise asked for every 15 s.
   * Gives the function that stops it.
   */
  readonly watchListing = (): (() => void) => {
    if (!this.#isUsable()) return () => {};
    this.#enter(() => this.#raw.watchListing(true));
    let watches = true;
    return () => {
      if (watches && this.#isUsable()) this.#enter(() => this.#raw.watchListing(false));
      watches = false;
    };
  };

  /** The listing may have changed: for Supabase Realtime, on a change of `live_room_sessions`. */
  readonly refreshListing = (): void => {
    if (this.#isUsable()) this.#enter(() => this.#raw.refreshListing());
  };

  /**
   * Watches an event: as long as somebody does, this page counts as a viewer of it, by one socket to the gateway. Whoever is
   * the event's host does not count.
   *
   * @throws StreamkeeperError `invalid_argument`; `no_backend`
   */
  readonly watchEvent = (eventId: string): EventWatch => {
    if (this.#snapshot.phase === "disposed") throw disposed();
    if (!this.#config.backend) throw new StreamkeeperError("no_backend", "watchEvent needs backend: {url} in the configuration");
    this.#enter(() => this.#raw.watchEvent(eventId, true));
    let watches = true;
    return {
      leave: () => {
        if (watches && this.#isUsable()) this.#enter(() => this.#raw.watchEvent(eventId, false));
        watches = false;
      },
      viewers: () => (watches ? (this.#snapshot.events[eventId.toLowerCase()]?.viewers ?? null) : null),
    };
  };

  /** How many connections watch an event, over all gateways. The host is not one of them. */
  readonly getEventClients = (eventId: string): Promise<number> => this.#call("getEventClients", { eventId });

  /** How many connections watch any event. */
  readonly getTotalClients = (): Promise<number> => this.#call("getTotalClients", {});

  /**
   * Registers what is open in this page for a stream: a player, an own connection. When the stream is over, by whatever path,
   * it is stopped. The function that this gives says that the app has done with it; it stops nothing.
   *
   * Meetings that are attached are sessions by themselves, and chat is the person's, not a stream's. `streamkeeper/players`
   * has ready ones for hls.js and mpegts.js.
   *
   * @throws StreamkeeperError `invalid_argument`
   */
  readonly registerSession = (session: StreamSession): (() => void) => {
    if (this.#snapshot.phase === "disposed") throw disposed();
    const { key, kind } = readable("invalid_argument", "session", () => ({ key: session?.key, kind: session?.kind }));
    const number = readable("invalid_argument", "session", () => this.#sessions.add(session));
    try {
      this.#enter(() => this.#raw.register(number, { key, kind }));
    } catch (error) {
      this.#sessions.remove(number);
      throw error;
    }
    return () => {
      this.#sessions.remove(number);
      if (this.#isUsable()) this.#enter(() => this.#raw.unregister(number));
    };
  };

  /**
   * Stops the sessions of a stream that are registered now; those that come later are not touched. The stream itself lives
   * on. Gives how many have stopped; one that has not within 5 s is given up, and stopped again at the next health check.
   */
  readonly stopStreamByKey = (key: string): Promise<number> => this.#call("stopStreamByKey", { key });

  /** Whether the streams and the sessions of this page are in step, now. */
  readonly syncCheck = (): SyncReport =>
    reportOf(this.#snapshot.streams, this.#enter(() => this.#raw.sessions() as Row[]), this.#sessions.look());

  /**
   * Asks the gateway for an address at which a player can play the stream. It is good for opening it within a minute: when
   * the player is refused (403, 410), ask anew.
   *
   * @throws StreamkeeperError `conflict`: the stream is over, or is not relayed as this kind. If it is over, its sessions are
   * stopped, as ever
   */
  readonly playbackUrl = async (streamId: string, kind: "hls" | "ts"): Promise<string> => {
    const { url } = await this.#call<{ url: string }>("playbackUrl", { streamId, kind });
    const { gatewayUrl, url: backendUrl } = this.#config.backend ?? {};
    return new URL(url, gatewayUrl ?? backendUrl).href;
  };

  /** Frozen; the same object until something changes. */
  readonly getSnapshot = (): Snapshot => this.#snapshot;

  /** Calls `listener` after every change of the snapshot. Gives the function that stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // A wrapper, so that the same function subscribed twice is called twice and stopped one by one.
    const entry = () => listener();
    this.#subscribers.add(entry);
    return () => void this.#subscribers.delete(entry);
  };

  /** Calls `listener` for every `event`. Gives the function that stops it. */
  readonly on = <E extends keyof Events>(event: E, listener: (event: Events[E]) => void): (() => void) => {
    const entry = (data: Events[E]) => listener(data);
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(entry as never));
    return () => void listeners.delete(entry as never);
  };

  /** What the connections have cost in this page so far. */
  readonly usage = (): Usage => this.#enter(() => this.#raw.usage() as Usage);

  /**
   * What went in and what came out of late, as JSON: for a bug report. Without tokens, titles and names; `cargo xtask replay`
   * runs the page again from it.
   */
  readonly exportTrace = (): string => JSON.stringify(this.#enter(() => this.#raw.trace()));

  /** Sends what has to be sent and leaves nothing behind: no listener, timer or request. `shared()` then makes a new one. */
  readonly dispose = (): Promise<void> => {
    this.#disposing ??= (async () => {
      const shared = slot();
      if (shared.manager === this) delete shared.manager;
      if (this.#snapshot.phase === "crashed") return;
      this.#enter(() => this.#raw.dispose());
      this.#refresh();
      this.#listening.abort();
      this.#activity.abort();
      this.#feed.open();
      this.#sockets.closeAll();
      await within(CLOSE_TIMEOUT, this.#chat.closeAll());
      this.#chat.forget();
      this.#sessions.clear();
      this.#subscribers.clear();
      this.#listeners.clear();
    })();
    return this.#disposing;
  };

  /**
   * Another render's configuration: the newest functions, the same data. Not private, because another copy of this module
   * calls it.
   *
   * @internal
   */
  adopt(config: ManagerConfig): void {
    if (readable("invalid_config", "config", () => dataOf(config)) !== this.#data) {
      const message = "the manager was made with another configuration; dispose() of it first, or pass the same";
      throw new StreamkeeperError("invalid_config", message);
    }
    this.#config = config;
  }

  #isUsable(): boolean {
    return this.#snapshot.phase !== "crashed" && this.#snapshot.phase !== "disposed";
  }

  /** `accepted` is called before anything happens, and not at all if the arguments are wrong. */
  #call<T>(method: string, args: object, accepted?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const call = ++this.#calls;
      this.#pending.set(call, { resolve, reject });
      try {
        this.#enter(() => {
          if (accepted) this.#raw.check(method, args);
          accepted?.();
          this.#raw.call(call, method, args);
        });
      } catch (error) {
        this.#pending.delete(call);
        reject(error as StreamkeeperError);
      }
    });
  }

  /** The only way into the WASM. A trap there ends the manager, never the app. */
  #enter<T>(into: () => T): T {
    if (this.#snapshot.phase === "crashed") throw crashed();
    try {
      return into();
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) this.#crash(error);
      throw fromRaw(error);
    }
  }

  #crash(cause: unknown): void {
    if (this.#snapshot.phase === "crashed") return;
    this.#listening.abort();
    this.#activity.abort();
    this.#feed.open();
    this.#sockets.closeAll();
    void this.#chat.closeAll();
    for (const letGoOfMeeting of this.#afterCrash) this.#safely(letGoOfMeeting);
    clearTimeout(this.#timer);
    const chat = { ...this.#snapshot.chat, status: "disconnected" as const, nextRetryAt: null };
    const { listing, events } = INITIAL_SNAPSHOT;
    this.#snapshot = share(this.#snapshot, { ...this.#snapshot, phase: "crashed", chat, listing, events });
    // Its memory is shared by all managers that there will ever be.
    slot().isBroken = true;
    const error = crashed(cause);
    for (const promised of this.#pending.values()) promised.reject(error);
    this.#pending.clear();
    this.#emit("log", { level: "error", message: error.message, data: cause });
    this.#notify();
  }

  #setTimer(after?: number): void {
    clearTimeout(this.#timer);
    this.#timer = after === undefined ? undefined : setTimeout(() => this.#safely(() => this.#enter(() => this.#raw.wake())), after);
  }

  /** Called by the page and by meetings: it may be late, and nothing may be thrown into an emitter. */
  #heard(name: string, into: () => void): void {
    if (!this.#isUsable()) return;
    try {
      this.#enter(into);
    } catch (error) {
      this.#emit("log", { level: "error", message: `${name} was not understood`, data: error });
    }
  }

  #settle(call: number, ok: boolean, value: unknown): void {
    const promised = this.#pending.get(call);
    this.#pending.delete(call);
    if (ok) promised?.resolve(value as never);
    else promised?.reject(fromRaw(value));
  }

  #refresh(): void {
    const next = share(this.#snapshot, this.#raw.snapshot() as Snapshot);
    if (next === this.#snapshot) return;
    this.#snapshot = next;
    this.#notify();
  }

  #notify(): void {
    for (const subscriber of [...this.#subscribers]) this.#safely(subscriber);
  }

  #emit<E extends keyof Events>(event: E, data: Events[E]): void {
    if (event === "log") this.#log(data as Events["log"]);
    for (const listener of [...(this.#listeners.get(event) ?? [])]) this.#safely(() => listener(data as never));
  }

  #log({ level, message, data }: Events["log"]): void {
    const logger = this.#config.logger ?? DEFAULT_LOGGER;
    try {
      logger[level]?.(message, data);
    } catch {
      // A logger that throws has nowhere to say so.
    }
  }

  /** Runs what belongs to the app: its errors are told to its logger and stop nobody else. */
  #safely(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log({ level: "error", message: "a listener threw", data: error });
    }
  }
}

function crashed(cause?: unknown): StreamkeeperError {
  return new StreamkeeperError("crashed", "Streamkeeper has crashed", cause);
}

function disposed(): StreamkeeperError {
  return new StreamkeeperError("disposed", "the manager has been disposed of; ConnectionManager.shared() makes a new one");
}

/** The backend's `{code, message, details, hint}` of a conflict, and the session that its details have as JSON. */
function withSession(cause: unknown): unknown {
  const body = cause as { details?: unknown } | undefined;
  try {
    return { ...body, session: JSON.parse(String(body?.details)) as RoomSession };
  } catch {
    return cause;
  }
}

/** After these errors the database may or may not have done what it was asked. */
const UNANSWERED: readonly ErrorCode[] = ["offline", "timeout", "token"];

/** As long as the WASM gives a close; nothing of it is left running to give up at its time. */
const CLOSE_TIMEOUT = 5_000;

/** Settles with `work`, or after `milliseconds`, without leaving a timer. */
async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

const DEFAULT_LOGGER: Partial<Record<LogLevel, (message: string, data?: unknown) => void>> = {
  warn: (message, data) => console.warn("[streamkeeper]", message, data),
  error: (message, data) => console.error("[streamkeeper]", message, data),
};

/** The configuration with no more of its logger and its transport than the WASM checks: `console` has more, and so may yours. */
function withoutExtras(config: ManagerConfig): unknown {
  if (!isLiteral(config)) return config;
  const { logger, chat, ...rest } = config;
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  return {
    ...rest,
    // A transport may be an instance of a class; the WASM only looks whether it has the functions.
    chat: isObject(chat) ? { open: chat.open, close: chat.close } : chat,
    logger: isObject(logger) ? { debug: logger.debug, info: logger.info, warn: logger.warn, error: logger.error } : logger,
  };
}

/** What of a configuration is data, in one order: two with equal texts differ in functions and instances at most. */
function dataOf(config: ManagerConfig): string {
  const write = (value: unknown, depth: number): unknown => {
    if (typeof value !== "object" || value === null) return typeof value === "function" ? "function" : String(value);
    if (!isLiteral(value) || depth === 0) return "instance";
    if (Array.isArray(value)) return value.map((item) => write(item, depth - 1));
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, write(member, depth - 1)]);
  };
  // A transport's own fields are its own business, and may change.
  const { logger: _functionsOnly, chat, ...data } = config;
  return JSON.stringify([write(data, 8), chat !== undefined && chat !== null]);
}

/** Takes our listeners off a meeting, by whichever name it has for that. */
function letGo(meeting: JitsiLike, listeners: [string, (payload: unknown) => void][]): void {
  const emitter = meeting as { off?: Off; removeListener?: Off };
  for (const [name, listener] of listeners) {
    if (emitter.off) emitter.off(name, listener);
    else emitter.removeListener?.(name, listener);
  }
}

type Off = (name: string, listener: (payload: unknown) => void) => unknown;

/** A random UUID; `crypto.randomUUID` is there on secure origins only. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

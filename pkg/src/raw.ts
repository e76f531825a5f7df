/**
 * The raw class of the WASM, as the façade uses it. Written down here, and checked against the generated declarations where
 * the WASM is loaded, so that no public type leads into them.
 */
export interface Raw {
  check(method: string, args: unknown): void;
  call(call: number, method: string, args: unknown): void;
  attach(meeting: unknown, stream: unknown): number;
  detach(meeting: number): void;
  meetingEvent(meeting: number, name: string, payload: unknown): void;
  pageEvent(event: Event): void;
  chatEvent(generation: number, name: string, payload: unknown): void;
  chatGeneration(): number | undefined;
  activity(heard: boolean): void;
  setInactivity(options: unknown): void;
  tabEvent(event: Event): void;
  usage(): unknown;
  takeUp(): void;
  claimed(key: string): void;
  watchEvent(event: unknown, on: boolean): void;
  socketEvent(socket: number, message: unknown, code: number): void;
  register(session: number, of: unknown): void;
  unregister(session: number): void;
  sessionEvent(session: number, failed?: boolean, open?: boolean): void;
  sessions(): unknown;
  watchListing(on: boolean): void;
  refreshListing(): void;
  feedEvent(rows: unknown): void;
  pendingEnds(): unknown;
  wake(): void;
  snapshot(): unknown;
  trace(): unknown;
  dispose(): void;
}

/** What the WASM is told and asks for; `Host` in `src/browser/driver.rs`. */
export interface Host {
  readonly holder: string;
  readonly signal: AbortSignal;
  accessToken(): unknown;
  subject(token: string): string | undefined;
  readonly pageListener: (event: Event) => void;
  readonly activityListener: () => void;
  activitySignal(): AbortSignal;
  claimListener(key: string): () => void;
  readonly tabListener: (event: Event) => void;
  chat(generation: number, what: string, why?: string): void;
  socket(socket: number, what: string, url?: string): void;
  session(session: number, what: string): void;
  feed(url?: string): void;
  forgetUser(): void;
  settleClient(call: number, generation: number): void;
  listener(meeting: number, name: string): (payload: unknown) => void;
  settle(call: number, ok: boolean, value: unknown): void;
  emit(event: string, data: unknown): void;
  changed(): void;
  setTimer(after?: number): void;
  crashed(): void;
}

export type RawConstructor = new (config: unknown, host: Host) => Raw;

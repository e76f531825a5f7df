// What the façade is to the WASM, as far as these tests need it.

/** A host that records what it is told. `token()` is what the app's accessToken does. */
export function makeHost(token) {
  const controller = new AbortController();
  const host = {
    holder: crypto.randomUUID(),
    signal: controller.signal,
    events: [],
    settled: [],
    changes: 0,
    tokens: 0,
    onEvent: null,
    onWake: () => {},
    stop: () => controller.abort(),
    accessToken() {
      this.tokens++;
      return token();
    },
    subject: subjectOf,
    pageListener: (event) => host.onPage(event),
    onPage: () => {},
    activity: null,
    listens: 0,
    activityListener: () => {
      host.activity.abort();
      host.onActivity();
    },
    activitySignal() {
      this.listens++;
      this.activity = new AbortController();
      controller.signal.addEventListener("abort", () => this.activity.abort());
      return this.activity.signal;
    },
    onActivity: () => {},
    claimListener: (key) => () => host.onClaim(key),
    onClaim: () => {},
    tabListener: (event) => host.onTab(event),
    onTab: () => {},
    chatted: [],
    chat(generation, what, why) {
      this.chatted.push([generation, what, why ?? null].join(" "));
    },
    forgotten: 0,
    forgetUser() {
      this.forgotten++;
    },
    settleClient(call, generation) {
      this.settle(call, true, generation);
    },
    listener: () => () => {},
    settle(call, ok, value) {
      this.settled.push({ call, ok, value });
      this.onSettled?.();
    },
    emit(event, data) {
      this.events.push({ event, data });
      this.onEvent?.(event, data);
    },
    changed() {
      this.changes++;
    },
    setTimer(after) {
      clearTimeout(this.timer);
      this.timer = after === undefined ? undefined : setTimeout(() => this.onWake(), after);
    },
    crashed() {},
  };
  return host;
}

/** The `sub` of a JWT; nothing of any other token. */
function subjectOf(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).sub;
  } catch {
    return undefined;
  }
}

/** Resolves as soon as `call` has been settled. */
export function settled(host, call) {
  return new Promise((resolve) => {
    host.onSettled = () => {
      const found = host.settled.find((entry) => entry.call === call);
      if (found) resolve(found);
    };
    host.onSettled();
  });
}

/** A Node-style emitter with the two names that are asked for; it counts its listeners. */
export function makeEmitter(on, off) {
  const listeners = new Map();
  const emitter = {
    count: () => [...listeners.values()].reduce((sum, set) => sum + set.size, 0),
    emit: (name, payload) => [...(listeners.get(name) ?? [])].forEach((listener) => listener(payload)),
    removeEventListener: () => {
      throw new Error("this would take the app's listeners too");
    },
  };
  emitter[on] = (name, listener) => {
    if (emitter.refuses === name) throw new Error("no");
    listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
  };
  emitter[off] = (name, listener) => void listeners.get(name)?.delete(listener);
  return emitter;
}

/** Tells the test server what to answer; gives the address to call. */
export async function script(server, answers, renewals) {
  const response = await fetch(`${server}/script`, { method: "POST", body: JSON.stringify({ answers, renewals }) });
  return `${server}/s/${(await response.json()).id}`;
}

/** What the server was asked at that address, preflights left out. */
export async function log(address) {
  const entries = await (await fetch(address.replace("/s/", "/log/"))).json();
  return entries.filter((entry) => entry.method !== "OPTIONS");
}

/** Evaluates JavaScript, for values that are awkward to write in Rust. */
export function js(source) {
  return (0, eval)(`(${source})`);
}

/**
 * Counts what Streamkeeper's scripts hold on to in a page: listeners, timers, sockets, channels and locks. Runs before the
 * page's own scripts, as one function, because it comes without its module. What a vendor's script does in the meantime is
 * the vendor's, but for its sockets.
 */
export function countHoldings() {
  const listeners = new Set();
  /** When which was put on, or taken off by its signal. */
  const history = [];
  const timers = new Set();
  const sockets = new Set();
  const channels = new Set();

  /** The script that has called us: the first in the stack that is not this one. */
  const isOurs = () => /\/lab\/(dist|wasm)\//.test(new Error().stack.split("\n").find((line) => line.includes("/lab/")) ?? "");

  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const isCapture = (options) => (typeof options === "object" && options !== null ? Boolean(options.capture) : Boolean(options));
  const find = (target, type, listener, options) =>
    [...listeners].find(
      (it) => it.target === target && it.type === type && it.listener === listener && it.capture === isCapture(options),
    );
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this ?? globalThis;
    const signal = options?.signal;
    if (listener && isOurs() && !signal?.aborted && !find(target, type, listener, options)) {
      const entry = { target, type, listener, capture: isCapture(options) };
      listeners.add(entry);
      history.push({ at: Date.now(), type, isOn: true });
      const forget = () => {
        if (listeners.delete(entry)) history.push({ at: Date.now(), type, isOn: false });
      };
      if (signal) addEventListener.call(signal, "abort", forget);
      if (options?.once) addEventListener.call(target, type, forget, { once: true, capture: entry.capture });
    }
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const target = this ?? globalThis;
    listeners.delete(find(target, type, listener, options));
    return removeEventListener.call(target, type, listener, options);
  };

  for (const [set, clear, fires] of [["setTimeout", "clearTimeout", true], ["setInterval", "clearInterval", false]]) {
    const [real, realClear] = [globalThis[set], globalThis[clear]];
    globalThis[set] = (run, ...rest) => {
      const id = real((...given) => (fires && timers.delete(id), run(...given)), ...rest);
      if (isOurs()) timers.add(id);
      return id;
    };
    globalThis[clear] = (id) => (timers.delete(id), realClear(id));
  }

  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      sockets.add(this);
    }
  };
  globalThis.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      channels.add(this);
    }

    close() {
      channels.delete(this);
      super.close();
    }
  };

  /** On the page itself: what hangs on a socket, or on a signal, goes with it. */
  const isOnPage = ({ target }) => target === globalThis || target === document;
  globalThis.holdings = {
    history,
    listeners: () => [...listeners].filter(isOnPage).map(({ type }) => type).sort(),
    timers: () => timers.size,
    sockets: () => [...sockets].filter(({ readyState }) => readyState < WebSocket.CLOSING).length,
    channels: () => channels.size,
    locks: async () => {
      const { held, pending } = await navigator.locks.query();
      return [...held, ...pending].map(({ name }) => name);
    },
    all: async () => ({
      listeners: holdings.listeners(),
      timers: holdings.timers(),
      sockets: holdings.sockets(),
      channels: holdings.channels(),
      locks: await holdings.locks(),
    }),
  };
}

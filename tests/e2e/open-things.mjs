/**
 * Counts what is open in a page: sockets, feeds, channels. Keeps hold of none of them once it is closed, so that it may look on
 * for days. Runs before the page's own scripts, as one function, because it comes without its module.
 */
export function countOpenThings() {
  const open = { sockets: new Set(), feeds: new Set(), channels: new Set() };

  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      open.sockets.add(this);
      this.addEventListener("close", () => open.sockets.delete(this));
    }
  };
  globalThis.EventSource = class extends EventSource {
    constructor(...given) {
      super(...given);
      open.feeds.add(this);
    }

    close() {
      open.feeds.delete(this);
      super.close();
    }
  };
  globalThis.BroadcastChannel = class extends BroadcastChannel {
    constructor(name) {
      super(name);
      open.channels.add(this);
    }

    close() {
      open.channels.delete(this);
      super.close();
    }
  };

  const memories = [];
  // Whatever its name is once it has been made small.
  const keepMemory = ({ exports }) => memories.push(...Object.values(exports).filter((it) => it instanceof WebAssembly.Memory));
  for (const name of ["instantiate", "instantiateStreaming"]) {
    const real = WebAssembly[name].bind(WebAssembly);
    WebAssembly[name] = (...given) => real(...given).then((made) => (keepMemory(made.instance ?? made), made));
  }

  globalThis.openThings = async () => {
    const { held, pending } = await navigator.locks.query();
    const counts = Object.entries(open).map(([name, things]) => [name, things.size]);
    return {
      ...Object.fromEntries(counts),
      locks: held.length + pending.length,
      stored: localStorage.length + sessionStorage.length,
      timers: clock.pending(),
      wasmBytes: memories.reduce((bytes, memory) => bytes + memory.buffer.byteLength, 0),
    };
  };
}

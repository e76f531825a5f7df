/** How many inputs a second the engine takes, and how many bytes a manager is: natively, in WASM, and beside a statechart. `cargo xtask bench engine` */
import { execFileSync } from "node:child_process";
import { setImmediate as pause } from "node:timers/promises";
import { createActor } from "xstate";
import { machine } from "./engine/machine.mjs";
import { release, report, table } from "./report.mjs";

const ROOT = new URL("..", import.meta.url);
const INPUTS = 20_000;
/** So many that a page of WASM, 64 KiB, is no matter. */
const MANY = 1_000;

/** What is given is the median of so many. */
const RUNS = 15;

// What the package listens to in a browser.
globalThis.self = globalThis;
globalThis.window = new EventTarget();

// The façade keeps the memory to itself.
let memory;
const { instantiate } = WebAssembly;
WebAssembly.instantiate = async (...given) => {
  const made = await instantiate(...given);
  memory = Object.values((made.instance ?? made).exports).find((it) => it instanceof WebAssembly.Memory);
  return made;
};
const streamkeeper = await import("streamkeeper/inline");
await streamkeeper.default();
WebAssembly.instantiate = instantiate;

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** The processor's time that this program has had, in seconds: others are at work on the machine as well. */
function busy() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function perSecond(input) {
  const runs = [];
  while (runs.length < RUNS) {
    const begun = busy();
    for (let n = 0; n < INPUTS; n++) input();
    runs.push(INPUTS / (busy() - begun));
    // A page that was blocked for as long as all of them take would find its connection dead.
    await pause();
  }
  return median(runs);
}

/** What so many of them keep, each: of JavaScript's heap, and of WASM's memory. */
function bytesOf(make) {
  const look = () => {
    globalThis.gc();
    return [process.memoryUsage().heapUsed, memory.buffer.byteLength];
  };
  // Code that has run once takes no more room.
  const kept = [make()];
  const before = look();
  for (let n = 0; n < MANY; n++) kept.push(make());
  const after = look();
  return { kept, bytes: after.map((bytes, n) => (bytes - before[n]) / MANY) };
}

function native() {
  const output = execFileSync(process.env.CARGO ?? "cargo", ["bench", "--quiet", "--package", "engine-tests", "--bench", "engine"], { cwd: ROOT, encoding: "utf8" });
  return Object.fromEntries(output.trim().split("\n").map((line) => line.split(" ")).map(([name, number]) => [name, Number(number)]));
}

async function throughFacade() {
  let alive;
  const chat = { open: async (opening) => ((alive = opening.alive), {}), close() {}, probe: () => true };
  const config = { backend: { url: "https://backend.test", accessToken: () => "token" }, chat, logger: {} };
  const first = memory.buffer.byteLength;
  const manager = streamkeeper.ConnectionManager.shared(config);
  await manager.connectUser("ana", "token");
  const speeds = [await perSecond(manager.reportActivity), await perSecond(alive)];
  if (manager.getSnapshot().chat.status !== "connected") throw new Error("the manager is not connected any more");
  await manager.dispose();
  // An app has one; its constructor is not for it.
  const { Raw } = globalThis[Symbol.for("streamkeeper")];
  const { bytes } = bytesOf(() => new streamkeeper.ConnectionManager(Raw, config));
  return { speeds, first, bytes };
}

async function statechart() {
  const actor = createActor(machine).start();
  for (const type of ["CONNECT", "TOKEN", "OPENED"]) actor.send({ type });
  if (!actor.getSnapshot().matches({ chat: "open" })) throw new Error("the statechart is not connected");
  const send = (type) => perSecond(() => actor.send({ type }));
  const speeds = [await send("ACTIVITY"), await send("ALIVE")];
  actor.stop();
  const { kept, bytes } = bytesOf(() => createActor(machine).start());
  for (const one of kept) one.stop();
  return { speeds, bytes };
}

const [rust, facade, chart] = [native(), await throughFacade(), await statechart()];

const thousands = (number) => Math.round(number / 1_000).toLocaleString("en");
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const node = `Node ${process.versions.node}`;
const rows = [
  ["who takes the inputs", "thousands a second: the person is there", "the server is there", "one of it takes"],
  ["**Streamkeeper**'s engine, natively, in chat", ...[rust.activity, rust.word].map(thousands), kib(rust["bytes-connected"])],
  ["the same as the host of a live stream", ...[rust["activity-hosting"], rust["word-hosting"]].map(thousands), kib(rust["bytes-hosting"])],
  [`**Streamkeeper**, WASM and façade, ${node}`, ...facade.speeds.map(thousands), `${kib(facade.bytes[1])} of WASM, ${kib(facade.bytes[0])} of JavaScript`],
  [`${release("xstate")}, a statechart of chat and presence alone, ${node}`, ...chart.speeds.map(thousands), `${kib(chart.bytes[0])} of JavaScript`],
];
const told = `Natively a manager takes ${kib(rust["bytes-idle"])} before anything is on, and ${kib(rust["bytes-traced"])} with a full trace. In a page the WASM's memory is ${kib(facade.first)} before the first one.`;
report("engine", `${table(rows)}\n\n${told}`);
process.exit(0);

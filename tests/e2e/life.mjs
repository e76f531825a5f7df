/**
 * A person's days in one page that is never loaded again: what an app does with Streamkeeper from morning to night. Runs inside
 * of the page, by its paced clock; what happens to the page from outside, its network, its tab, is the test's to do meanwhile.
 */
import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import init, { ConnectionManager, streamChat } from "streamkeeper";
import * as hooks from "streamkeeper/react";
import { StreamChat } from "stream-chat";
import * as page from "./page-events.mjs";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** While people and servers do something a second is five; while nobody does anything it is five minutes. */
const AT_WORK = 5;
const ALONE = 300;
/** In between: something is waited for that takes a minute, and then a server has to answer. */
const TROUBLED = 50;
/** A token is used for so long, by everybody's clock, before there is another one. */
const TOKEN_LIFE = 20 * MINUTE;
/** By everybody's clock as well: on a machine that has other things to do. */
const PATIENCE = 30 * SECOND;

/** What Jitsi's IFrame API looks like to Streamkeeper. */
class Meeting {
  #listeners = new Set();
  #isIn = true;

  on(name, listener) {
    this.#listeners.add({ name, listener });
  }

  off(name, listener) {
    for (const it of this.#listeners) if (it.name === name && it.listener === listener) this.#listeners.delete(it);
  }

  say(name, payload = {}) {
    if (name === "readyToClose") this.#isIn = false;
    for (const it of [...this.#listeners]) if (it.name === name) it.listener(payload);
  }

  /** Whoever attaches it late has not heard that it was joined. */
  getNumberOfParticipants() {
    return Number(this.#isIn);
  }

  /** Is anybody attached to it? React takes its time. */
  isWatched() {
    return this.#listeners.size > 0;
  }

  executeCommand(command) {
    if (command === "hangup") this.say("readyToClose");
  }
}

/** The app: everything that the package has for React, at once. */
function App({ user, token, meeting, stream, room, event, session }) {
  hooks.useChatUser(user, token);
  hooks.useMeeting(meeting, stream);
  hooks.useEvent(event);
  hooks.useRoom(room);
  hooks.useListing();
  hooks.useSession(session);
  const shown = [hooks.ConnectionStatus, hooks.ReconnectBanner, hooks.IdlePrompt, hooks.EndStreamPanel];
  return createElement("main", null, ...shown.map((Part, key) => createElement(Part, { key })));
}

/** Ways to end what one hosts. */
const ENDINGS = {
  readyToClose: (it) => it.meeting.say("readyToClose"),
  "by its id": (it) => it.promise(it.manager.endStreamById(it.stream, "the day is over")),
  "with its room": (it) => it.promise(it.manager.endRoom(it.room)),
  "by leaving the page of it": (it) => it.show({ meeting: null, stream: null, session: null }),
  "on a redirect": (it) => it.promise(it.manager.endStreamOnRedirect(it.user)),
  elsewhere: async (it) => {
    await it.call("end_stream_comprehensive", { p_stream_id: it.stream, p_reason: "another device" });
    // It would hear of it with the next renewal anyway.
    page.goOnline();
  },
  "by signing out": (it) => it.signOut(),
};

async function fetched(url, signal) {
  const response = await fetch(url, { signal, cache: "no-store" });
  if (!response.ok) throw new Error(`${url.pathname} answered ${response.status}`);
  return response;
}

export class Life {
  wrong = [];
  /** Calls that have not been answered. */
  promised = new Set();
  #ended = new Map();
  #tokens = new Map();
  #root;
  #props = {};
  #kept = [];

  /** The names of the person, of one who uses the page now and then, and of one next door. */
  static async begin([person, visitor, neighbour]) {
    const life = new Life();
    Object.assign(life, { person, visitor, neighbour });
    addEventListener("unhandledrejection", ({ reason }) => life.wrong.push(`unhandled: ${reason?.message ?? reason}`));
    console.error = (...words) => life.wrong.push(`console.error: ${words.join(" ")}`);
    const { anon_key } = await (await fetch("/demo/config")).json();
    const createClient = () => new StreamChat("demo-key", { baseURL: `${location.origin}/demo/stream-chat` });
    life.config = {
      chat: streamChat({ createClient }),
      backend: { url: location.origin, apiKey: anon_key, accessToken: () => life.#accessToken() },
      inactivity: { prompt: MINUTE },
      // A minute of the page's is twelve seconds, which is enough on any machine.
      ending: { timeout: MINUTE },
      health: { timeout: MINUTE },
      logger: {},
    };
    await init();
    life.manager = ConnectionManager.shared(life.config);
    life.manager.on("end", ({ streamId }) => life.#ended.set(streamId, (life.#ended.get(streamId) ?? 0) + 1));
    return life;
  }

  /** Somebody opens the app, and is in the chat. */
  async morning(user = this.person) {
    clock.pace(AT_WORK);
    this.user = user;
    page.show();
    this.show({ user: { id: user }, token: () => this.#chatToken(user) });
    await this.#isConnected("in the morning");
  }

  /** Goes live in the own room, in a meeting; gives the stream's id. */
  async goLive() {
    const { id } = await this.manager.myRoom();
    const { stream_id } = await this.manager.goLive(id);
    this.room = id;
    this.show({ room: id });
    return this.#host(stream_id);
  }

  /** After a reload: the stream is still this person's. */
  async resume(stream) {
    await this.manager.startStream({ streamId: stream });
    return this.#host(stream);
  }

  /** Says something, watches a neighbour's event, and has the own stream relayed and plays it, until that is stopped. */
  async work() {
    const channel = this.manager.chatClient().channel("messaging", "office", { members: [this.user] });
    await channel.watch();
    await channel.sendMessage({ text: "Good morning" });
    const { event_id: id } = await this.call("create_event", { p_title: "Next door", p_grace_seconds: 5 }, this.neighbour);
    this.show({ event: id });
    await this.until(({ events }) => events[id]?.status === "open", "watching an event");
    await this.#ask(`/demo/streams/${this.stream}/relay`, { hls: true, ts: true });
    await this.#play();
  }

  /** The app is taken down and put up again, as hot reloads and careless routes do; StrictMode doubles each of them. */
  async remount(times = 5) {
    const props = this.#props;
    for (let i = 0; i < times; i++) {
      this.#unmount();
      this.show(props);
      await this.pass(200);
    }
    await this.#isConnected("after it was put up again");
  }

  /** Begins to end what is live, in that way. */
  end(how) {
    return ENDINGS[how](this);
  }

  /** It has ended, which was said once. */
  async ended() {
    const { stream } = this;
    await this.until(() => this.#ended.has(stream), `the end of ${stream}`);
    const times = this.#ended.get(stream);
    if (times > 1) this.wrong.push(`the end of ${stream} was said ${times} times`);
    this.show({ meeting: null, stream: null, room: null, event: null, session: null });
    Object.assign(this, { stream: undefined, meeting: undefined, room: undefined });
  }

  /** Nobody does anything, until that is noticed; then somebody does. */
  async lunch() {
    clock.pace(ALONE);
    await this.until(({ chat }) => chat.status === "disconnected" && chat.reason === "inactive", "disconnected for inactivity");
    clock.pace(AT_WORK);
    await this.#isConnected("after lunch");
  }

  /** Another tab is in front of this one. */
  async otherTab() {
    page.hide();
    clock.pace(TROUBLED);
    await this.until(({ chat }) => chat.status === "disconnected" && chat.reason === "hidden", "disconnected because nobody sees it");
    clock.pace(AT_WORK);
    page.show();
    await this.#isConnected("seen again");
  }

  /** The lid is closed for so many hours. */
  async lid(hours) {
    clock.leap(hours * HOUR);
    await this.#isConnected("after the lid was opened");
  }

  /** What the browser believes of the network. */
  noticesNetwork(isThere) {
    page.goOnline(isThere);
  }

  isThere(when) {
    return this.#isConnected(when);
  }

  /** Nothing comes from the chat's service any more, and nothing says so: that is noticed. */
  async silence() {
    await this.#ask("/demo/chat/faults", { fault: "silent", user_id: this.user });
    const { generation } = this.manager.getSnapshot().chat;
    clock.pace(TROUBLED);
    await this.until(({ chat }) => chat.generation > generation, "noticed that nothing comes");
    await this.#ask("/demo/chat/faults", { fault: "none", user_id: this.user });
    clock.pace(AT_WORK);
    await this.isThere("after the silence");
  }

  /** Somebody else sits down at the same page. */
  async visit() {
    const { person, visitor } = this;
    await this.signOut();
    await this.morning(visitor);
    // What this browser owes in their name is paid by itself.
    clock.pace(TROUBLED);
    await this.until(({ pendingEnds }) => pendingEnds === 0, "nothing is owed any more");
    await this.signOut();
    await this.morning(person);
  }

  /** Signs out, closes the app, and sleeps. */
  async night() {
    await this.signOut();
    this.#unmount();
    this.#props = {};
    clock.leap(8 * HOUR);
    await this.until((snapshot) => snapshot.chat.status === "disconnected" && snapshot.pendingEnds === 0, "at rest");
    // Whoever listens for activity does so again, and what hangs on a rendering that nobody sees is done.
    clock.pace(ALONE);
    await this.pass(2 * MINUTE);
    this.#ended.clear();
    // A browser keeps parts of its last layouts, with what they were of, until it has to begin from nothing.
    for (const display of ["none", ""]) {
      document.documentElement.style.display = display;
      document.body.getBoundingClientRect();
    }
    for (const clear of ["clearMarks", "clearMeasures", "clearResourceTimings"]) performance[clear]();
  }

  async signOut() {
    await this.promise(this.manager.disconnectUser());
    this.user = undefined;
    this.show({ user: null });
  }

  /** What a person could see of it, and what is still under way. */
  rest() {
    const { streams, rooms, events } = this.manager.getSnapshot();
    const known = Object.entries({ streams, rooms, events }).map(([name, all]) => [name, Object.keys(all).length]);
    const { sessions, ts_proxy, hls_proxy } = this.manager.syncCheck();
    const open = [...Object.values(sessions), ts_proxy, hls_proxy].reduce((sum, { session_count }) => sum + session_count, 0);
    return { ...Object.fromEntries(known), promised: this.promised.size, sessions: open };
  }

  /** What the judge has to find: something is kept that nobody needs. */
  leak() {
    const kept = new Array(100_000).fill(this.#kept.length);
    this.#kept.push(kept);
    addEventListener("click", () => kept.length);
    setTimeout(() => kept.length, 1_000_000 * HOUR);
  }

  pass(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  /** Waits, but not for ever, until the snapshot is as it should be. */
  until(isSo, what) {
    const is = () => isSo(this.manager.getSnapshot());
    if (is()) return;
    return new Promise((resolve, reject) => {
      const stop = this.manager.subscribe(() => is() && end(resolve));
      const look = setInterval(() => is() && end(resolve), 10 * SECOND);
      const patience = clock.real.setTimeout(() => {
        const { chat, presence, streams, events, pendingEnds } = this.manager.getSnapshot();
        const seen = JSON.stringify({ chat, presence, streams: Object.values(streams).slice(-2), events, pendingEnds });
        const { entries } = JSON.parse(this.manager.exportTrace());
        end(() => reject(new Error(`never: ${what}; ${seen}\n${entries.slice(-40).map((it) => JSON.stringify(it)).join("\n")}`)));
      }, PATIENCE);
      const end = (settle) => {
        stop();
        clearInterval(look);
        clock.real.clearTimeout(patience);
        settle();
      };
    });
  }

  /** A call that has to be answered some day. What came of it is in the snapshot. */
  promise(promise) {
    this.promised.add(promise);
    return promise.catch(() => {}).finally(() => this.promised.delete(promise));
  }

  show(props) {
    Object.assign((this.#props = { ...this.#props }), props);
    this.#root ??= createRoot(document.querySelector("#root"));
    const app = createElement(hooks.StreamkeeperProvider, { config: this.config }, createElement(App, this.#props));
    this.#root.render(createElement(StrictMode, null, app));
  }

  async call(name, args, user = this.user) {
    return this.#ask(`/rest/v1/rpc/${name}`, args, { authorization: `Bearer ${await this.#token(user)}` });
  }

  async #host(stream) {
    Object.assign(this, { stream, meeting: new Meeting() });
    this.show({ meeting: this.meeting, stream: { streamId: stream, streamerId: this.user, role: "host" } });
    await this.until(({ streams }) => streams[stream]?.status === "live" && this.meeting.isWatched(), "live, and in the meeting");
    return stream;
  }

  #unmount() {
    this.#root?.unmount();
    this.#root = undefined;
  }

  /** Whoever would like to be connected does not move the mouse just once. */
  async #isConnected(when) {
    page.stir();
    const moving = setInterval(() => page.stir(), 2 * SECOND);
    await this.until(({ chat }) => chat.status === "connected" && chat.userId === this.user, `connected ${when}`);
    clearInterval(moving);
  }

  /** Both ways to play it: a playlist with a piece of it, and a stream that does not end by itself. */
  async #play() {
    const lines = (text) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    await this.#asSoonAsItGoes(async () => {
      let url = new URL(await this.manager.playbackUrl(this.stream, "hls"), location.href);
      // A list of playlists, a playlist, a piece of it.
      for (const name of ["a playlist", "a piece"]) {
        const [next] = lines(await (await fetched(url)).text());
        if (!next) throw new Error(`${name} is missing`);
        url = new URL(next, url);
        if (!next.includes(".m3u8")) break;
      }
      await (await fetched(url)).arrayBuffer();
    });
    const reading = new AbortController();
    await this.#asSoonAsItGoes(async () => {
      const url = await this.manager.playbackUrl(this.stream, "ts");
      const { body } = await fetched(new URL(url, location.href), reading.signal);
      await body.getReader().read();
    });
    const stop = () => reading.abort();
    this.show({ session: { key: this.stream, kind: "ts", stop, isOpen: () => !reading.signal.aborted } });
  }

  /** A relay that has just been asked for is not there at once. */
  async #asSoonAsItGoes(act) {
    const deadline = clock.real.now() + PATIENCE;
    for (;;) {
      const error = await act().then(() => null, (error) => error);
      if (!error) return;
      if (clock.real.now() > deadline) throw error;
      await this.pass(SECOND);
    }
  }

  #accessToken() {
    return this.user ? this.#token(this.user) : null;
  }

  /** At once while the last one is good, as an app should have it. */
  #token(user) {
    const { token, until } = this.#tokens.get(user) ?? {};
    if (until > clock.real.now()) return token;
    return this.#ask("/demo/token", { user_id: user, role: "authenticated" }).then(({ access_token }) => {
      this.#tokens.set(user, { token: access_token, until: clock.real.now() + TOKEN_LIFE });
      return access_token;
    });
  }

  async #chatToken(user) {
    return (await this.#ask("/demo/chat/token", { user_id: user })).token;
  }

  async #ask(path, body, headers = {}) {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
    const response = await fetch(path, init);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }
}

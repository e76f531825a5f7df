/** A host in front of the demo. */
import { randomUUID } from "node:crypto";
import { pageTest } from "./browser.mjs";
import { DEMO_URL } from "./environment.mjs";
import { answerEndCalls } from "./gateway.mjs";

/** How long a leave may be a reconnect, by default. */
export const LEAVE_GRACE = 4_000;

/** What ends a stream, or the room that it is in; the latter by the gateway or by the database. */
const END_CALL = /\/rpc\/end_stream_comprehensive$|\/rpc\/live_room_end$|\/rooms\/[^/]+\/end$/;

/** Somebody whom no other test knows: everybody has one room for ever. */
export const somebody = (name = "ana") => `${name}-${randomUUID().slice(0, 8)}`;

/** A journey through the demo by a host who has logged in. */
export function journey(name, body) {
  pageTest(name, async (given) => {
    const host = new Host(given.page);
    await host.open();
    await host.logIn();
    await body({ ...given, host });
  });
}

const marked = (testId) => `[data-testid="${testId}"]`;
const inListing = (sessionId) => `${marked("listing")} [data-session="${sessionId}"]`;

/** Somebody who has logged in, in that page. */
export async function comeIn(page, user) {
  const host = new Host(page, user);
  await page.goto(`${DEMO_URL}/?name=${user}`);
  await host.logIn();
  return host;
}

export class Host {
  constructor(page, user = somebody()) {
    this.page = page;
    this.user = user;
    this.endCalls = 0;
    page.on("request", (request) => {
      if (END_CALL.test(request.url()) && request.method() === "POST") this.endCalls += 1;
    });
  }

  async open() {
    // What an earlier test may have asked for is not for this one.
    await answerEndCalls([]);
    await this.page.goto(`${DEMO_URL}/?name=${this.user}`);
  }

  async logIn() {
    await this.click("login");
    await this.page.waitForSelector(`${marked("go-live")}:not(:disabled)`);
  }

  /** Goes live; gives the stream's id. */
  async goLive() {
    const { stream_id } = await this.beginSession("go-live");
    return stream_id;
  }

  /** Goes live by that button; gives the session. */
  async beginSession(testId) {
    const session = await this.sessionAfter(() => this.click(testId));
    await this.sees("stream-status", "live");
    await this.sees("timeline", "videoConferenceJoined");
    // The row moves what is below it: a click that comes too early misses its button.
    await this.sees("db-status", "live");
    return session;
  }

  /** Ends the room by its button; gives the call's answer. */
  async endRoom() {
    const isAnswer = (response) => END_CALL.test(response.url()) && response.request().method() === "POST";
    const [answer] = await Promise.all([this.page.waitForResponse(isAnswer), this.click("end-room")]);
    await this.page.waitForSelector(`${marked("go-live")}:not(:disabled)`);
    return answer.json();
  }

  /** Waits until the listing has this session, or not. */
  async lists({ id }, isListed = true) {
    await this.page.waitForSelector(inListing(id), isListed ? { visible: true } : { hidden: true });
  }

  /** Takes a seat in it. */
  async watch({ id }) {
    await this.page.locator(`${inListing(id)} ${marked("watch")}`).click();
    await this.sees("watching", "You have been here since");
  }

  /** What the database answers when somebody wants to go live. */
  async sessionAfter(act) {
    const path = "/rpc/live_room_create_session";
    const isAnswer = (response) => response.url().endsWith(path) && response.request().method() === "POST";
    const [answer] = await Promise.all([this.page.waitForResponse(isAnswer), act()]);
    return answer.json();
  }

  async click(testId) {
    await this.page.locator(`${marked(testId)}:not([aria-disabled="true"])`).click();
  }

  async text(testId) {
    return this.page.$eval(marked(testId), (element) => element.textContent);
  }

  /** Waits until the element's text has these words in it. */
  async sees(testId, words) {
    const has = (selector, words) => document.querySelector(selector)?.textContent.includes(words);
    await this.page.waitForFunction(has, {}, marked(testId), words).catch(async (cause) => {
      const text = await this.text(testId).catch(() => "nothing");
      throw new Error(`${testId} never said “${words}”; it says “${text}”`, { cause });
    });
  }

  /** Waits until page and database have both come to know that the stream has ended. */
  async seesItEnded() {
    await this.sees("stream-status", "ended");
    await this.sees("db-status", "ended");
  }

  /** Waits for something not to happen: until so much time has passed by the page's own clock. */
  async letPass(milliseconds) {
    const now = await this.page.evaluate(() => Date.now());
    await this.page.waitForFunction((until) => Date.now() > until, { polling: 100 }, now + milliseconds);
  }

  /** What the manager heard from the meeting, by its own trace: `{at, event}`. */
  async meetingEvents() {
    const entries = await this.#trace("input");
    return entries.filter(({ what }) => what.input === "meeting").map(({ at, what }) => ({ at, ...what.data }));
  }

  /** What the manager did, by its own trace: `{at, data}`. */
  async outputs(name) {
    const entries = await this.#trace("output");
    return entries.filter(({ what }) => what.output === name).map(({ at, what }) => ({ at, data: what.data }));
  }

  async #trace(kind) {
    // The package shares its manager through this symbol: the demo has to expose nothing.
    const json = await this.page.evaluate(() => globalThis[Symbol.for("streamkeeper")].manager.exportTrace());
    return JSON.parse(json).entries.filter((entry) => entry.kind === kind);
  }
}

/** A host in front of the demo. */
import { pageTest } from "./browser.mjs";
import { DEMO_URL } from "./environment.mjs";
import { answerEndCalls } from "./gateway.mjs";

/** How long a leave may be a reconnect, by default. */
export const LEAVE_GRACE = 4_000;

const END_CALL = "/rest/v1/rpc/end_stream_comprehensive";

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

export class Host {
  constructor(page) {
    this.page = page;
    this.endCalls = 0;
    page.on("request", (request) => {
      if (request.url().endsWith(END_CALL) && request.method() === "POST") this.endCalls += 1;
    });
  }

  async open() {
    // What an earlier test may have asked for is not for this one.
    await answerEndCalls([]);
    await this.page.goto(DEMO_URL);
  }

  async logIn() {
    await this.click("login");
    await this.page.waitForSelector(`${marked("go-live")}:not(:disabled)`);
  }

  /** Goes live; gives the stream's id. */
  async goLive() {
    const started = this.page.waitForResponse((response) => response.url().endsWith("/rpc/start_stream"));
    await this.click("go-live");
    const { stream_id } = await (await started).json();
    await this.sees("stream-status", "live");
    await this.sees("timeline", "videoConferenceJoined");
    // The row moves what is below it: a click that comes too early misses its button.
    await this.sees("db-status", "live");
    return stream_id;
  }

  async click(testId) {
    await this.page.locator(marked(testId)).click();
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

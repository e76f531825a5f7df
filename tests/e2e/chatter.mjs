/** Somebody in front of the demo's chat. */
import { randomUUID } from "node:crypto";
import { pageTest } from "./browser.mjs";
import { DEMO_URL } from "./environment.mjs";
import { Host } from "./host.mjs";
import { untilCounts } from "./stream-service.mjs";

/** A journey of people of its own: `comeIn(name)` has one log in, in `page` or one that is given. */
export function chatJourney(name, body) {
  pageTest(name, async (given) => {
    const suffix = randomUUID().slice(0, 8);
    const userOf = (name) => `${name}-${suffix}`;
    const comeIn = async (name, { view = "chat", page = given.page } = {}) => {
      const chatter = new Chatter(page, userOf(name));
      await chatter.comeIn(view);
      return chatter;
    };
    await body({ ...given, comeIn, userOf });
  });
}

export class Chatter extends Host {
  /** Logs in; if it is to the chat, connects. */
  async comeIn(view) {
    await this.page.goto(`${DEMO_URL}/?name=${this.user}#${view}`);
    await this.logIn();
    if (view === "chat") await this.isConnected();
  }

  async isConnected() {
    await this.sees("chat-status", "Connected");
  }

  /** Waits until chat is gone for this reason, in the page and at the service. */
  async isGone(words) {
    await this.sees("chat-status", `Not connected: ${words}`);
    await this.hasSockets({ open: 0 });
  }

  /** Waits until the service has counted so many, and never more than one at a time. */
  async hasSockets({ peak = 1, ...expected }) {
    const all = Object.entries({ ...expected, peak });
    return untilCounts(this.user, (counts) => all.every(([name, count]) => counts[name] === count));
  }

  async say(text) {
    await this.page.locator('[data-testid="message-text"]').fill(text);
    await this.click("message-send");
  }

  /** The person's own settings, finer than the page offers them. */
  setInactivity(options) {
    return this.manager((manager, options) => manager.setInactivity(options), options);
  }

  snapshot() {
    return this.manager((manager) => manager.getSnapshot());
  }

  /** Does something with the page's manager, in the page. */
  manager(use, argument) {
    const inPage = (use, argument) => eval(use)(globalThis[Symbol.for("streamkeeper")].manager, argument);
    return this.page.evaluate(inPage, String(use), argument);
  }

  /** Moves the mouse: nothing else happens. */
  async stir() {
    this.x = ((this.x ?? 0) + 7) % 300;
    await this.page.mouse.move(this.x + 1, 5);
  }
}

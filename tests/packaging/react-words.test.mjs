/** Every word of the components is a prop: an app in another language shows none of ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { act, h, page, render } from "./react-page.mjs";
import { serve as backend } from "./room-backend.mjs";

const STREAM = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";
const ADMIN = `e30.${btoa(JSON.stringify({ sub: "ana", app_metadata: { role: "admin" } }))}.s`;
const OURS = /\p{Script=Latin}/u;

const User = () => (page.bindings.useChatUser({ id: "ana" }, "token"), null);

/** The same words in another language: all of them are “言葉”. */
const translated = (words) =>
  Object.fromEntries(Object.entries(words).map(([name, words]) => [name, typeof words === "function" ? () => "言葉" : "言葉"]));

/** What a person sees, hears or is told by it. */
function said(container) {
  const labels = [...container.querySelectorAll("*")].flatMap((it) =>
    ["aria-label", "title", "placeholder", "alt"].map((name) => it.getAttribute(name)),
  );
  return [container.textContent.replaceAll(STREAM, ""), ...labels].join("\n");
}

async function until(isSo, container) {
  const deadline = Date.now() + 10_000;
  while (!isSo()) {
    assert.ok(Date.now() < deadline, container.innerHTML);
    await act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  }
}

test("in another language there is none of our words about connections and ends", async (t) => {
  const { CONNECTION_WORDS, END_WORDS } = await page.installed("dist/react/words.js");
  const [connection, end] = [CONNECTION_WORDS, END_WORDS].map(translated);
  const answers = { end_stream_comprehensive: [403, { code: "42501", message: "no", details: null, hint: null }] };
  const { url } = await backend(t, answers);
  const config = {
    chat: { open: () => Promise.reject(Object.assign(new Error("no"), { code: "refused" })), close: () => {} },
    backend: { url, accessToken: () => ADMIN },
    ending: { delays: [10] },
    logger: {},
  };
  const { ConnectionStatus, EndStreamPanel, ReconnectBanner, StreamkeeperProvider } = page.bindings;
  const { container } = await render(
    h(
      StreamkeeperProvider,
      { config },
      h(User),
      h(ConnectionStatus, { words: connection, lastActivity: true }),
      h(ReconnectBanner, { words: connection }),
      h(EndStreamPanel, { words: end, streamIds: [STREAM] }),
    ),
  );
  const buttons = () => [...container.querySelectorAll("button")];
  const shows = (selector, words) => container.querySelector(selector)?.textContent.includes(words);
  await until(() => shows(".streamkeeper-banner", "言葉") && shows(".streamkeeper-status time", "言葉"), container);
  // Check, end, ask, and end all.
  await until(() => buttons().filter((it) => it.closest("section")).length === 4, container);
  assert.doesNotMatch(said(container), OURS);
  await act(() => container.querySelectorAll("li button")[1].click());
  await until(() => shows("li [role=alert]", "言葉"), container);
  answers.end_stream_comprehensive = [200, { status: "ended", ended: [STREAM] }];
  for (const _ of ["asks", "ends"]) {
    const [all] = buttons().filter((it) => it.closest("section > div:last-child"));
    await act(() => all.click());
    assert.doesNotMatch(said(container), OURS);
  }
  await until(() => shows("section > div:last-child [role=status]", "言葉"), container);
  assert.doesNotMatch(said(container), OURS);
});

test("nor in the question whether anybody is there", async () => {
  const { IDLE_WORDS } = await page.installed("dist/react/words.js");
  const { IdlePrompt, StreamkeeperProvider } = page.bindings;
  const config = { chat: { open: async () => ({}), close: () => {} }, inactivity: { timeout: 600_000, prompt: 599_900 } };
  const prompt = h(IdlePrompt, { words: translated(IDLE_WORDS) });
  const { container } = await render(h(StreamkeeperProvider, { config }, h(User), prompt));
  await until(() => container.querySelector(".streamkeeper-idle-prompt"), container);
  assert.doesNotMatch(said(container), OURS);
});

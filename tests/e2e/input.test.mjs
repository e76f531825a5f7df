/** Bad input is a typed error that names what is wrong, and the page goes on. */
import assert from "node:assert/strict";
import { labTest } from "./lab.mjs";

/** What calling `call(module, meeting)` in the page throws or rejects with. */
function failure(page, call, { init = true } = {}) {
  const inPage = async (source, init) => {
    const module = await (init ? initialised() : load());
    const meeting = { on() {}, off() {} };
    try {
      await eval(source)(module, meeting);
      return { code: "nothing was thrown" };
    } catch (error) {
      const { name, code, message } = error;
      return { ours: error instanceof module.StreamkeeperError && error instanceof Error, name, code, message };
    }
  };
  return page.evaluate(inPage, call, init);
}

function assertFailure(found, code, ...words) {
  const { message, ...kind } = found;
  assert.deepEqual(kind, { ours: true, name: "StreamkeeperError", code }, message);
  for (const word of words) assert.ok(message.includes(word), `“${message}” names ${word}`);
}

const shared = "({ ConnectionManager }) => ConnectionManager.shared";

const configs = [
  ["{ ending: { delays: [-1] } }", "ending.delays[0]", "-1", "10", "2147483647"],
  ["{ ending: { delays: [] } }", "ending.delays", "1 to 10"],
  ["{ ending: { delays: 'soon' } }", "ending.delays"],
  ["{ ending: { maxAttempts: 11 } }", "ending.maxAttempts", "11", "1", "10"],
  ["{ ending: { timeout: NaN } }", "ending.timeout"],
  ["{ ending: { onPageHide: 'explode' } }", "ending.onPageHide", '"grace"'],
  ["{ ending: { delay: [1000] } }", "ending.delay", "delays"],
  ["{ colour: 'blue' }", "colour", "backend"],
  ["{ backend: {} }", "backend.url", "missing"],
  ["{ backend: { url: 'ftp://example.org' } }", "backend.url", "http"],
  ["{ backend: { url: 'https://example.org', accessToken: 'eyJhbGciOi' } }", "backend.accessToken", "function"],
  ["'everything'", "config", "an object"],
];

for (const [config, ...words] of configs) {
  labTest(`shared(${config}) is invalid_config`, async ({ page, open }) => {
    await open();
    const found = await failure(page, `${shared}(${config})`);
    assertFailure(found, "invalid_config", ...words);
    assert.ok(!found.message.includes("eyJhbGciOi"), "a token is not repeated");
    // And the next, right configuration is taken.
    assert.equal((await failure(page, `${shared}({})`)).code, "nothing was thrown");
  });
}

const stream = "{ streamId: '0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11', streamerId: 'ana', role: 'host' }";

const calls = [
  ["attachMeeting(null, " + stream + ")", "invalid_argument", "meeting"],
  ["attachMeeting({}, " + stream + ")", "invalid_argument", "meeting"],
  ["attachMeeting(meeting, null)", "invalid_argument", "stream"],
  ["attachMeeting(meeting, { ..." + stream + ", streamId: '' })", "invalid_argument", "streamId", "UUID"],
  ["attachMeeting(meeting, { ..." + stream + ", role: 'guest' })", "invalid_argument", "role", "host"],
  ["endStreamById('')", "invalid_argument", "streamId", "UUID"],
  ["endStreamById('1; drop table livestreams')", "invalid_argument", "streamId", "UUID"],
  ["endStreamById(undefined)", "invalid_argument", "streamId"],
  ["getStreamStatus('not-an-id')", "invalid_argument", "streamId", "UUID"],
  ["startStream({ streamId: 42 })", "invalid_argument", "streamId", "UUID"],
  ["startStream({ title: 'x'.repeat(201) })", "invalid_argument", "title", "200"],
  ["startStream()", "no_backend", "backend"],
  ["endStreamById('0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11')", "no_backend", "backend"],
  ["getStreamStatus('0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11')", "no_backend", "backend"],
];

for (const [call, code, ...words] of calls) {
  labTest(`${call} is ${code}`, async ({ page, open }) => {
    await open();
    const found = await failure(page, `({ ConnectionManager }, meeting) => ConnectionManager.shared().${call}`);
    assertFailure(found, code, ...words);
  });
}

labTest("shared() before init() is not_initialised", async ({ page, open }) => {
  await open();
  assertFailure(await failure(page, shared + "()", { init: false }), "not_initialised", "init()");
});

labTest("without its WASM, init() is unavailable, and may be tried again", async ({ page, open }) => {
  await open();
  const found = await failure(page, "({ default: init }) => init('/lab/nothing.wasm')", { init: false });
  assertFailure(found, "unavailable", "WebAssembly");
  assert.equal((await failure(page, `${shared}({})`)).code, "nothing was thrown");
});

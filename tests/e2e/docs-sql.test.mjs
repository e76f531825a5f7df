/** The SQL in the documents runs, on a database that is as the migrations make it; nothing of it stays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { blocks, documents, read } from "../packaging/docs.mjs";
import { DATABASE_URL } from "./environment.mjs";

/** What is not there: an extension, a table of a predecessor's, and what only runs after adopting it. */
const ELSEWHERE = /\bcron\.|\bstreamkeeper_adopted\b/;
const SOME_ID = "'00000000-0000-4000-8000-000000000001'";

test("every statement runs", async (t) => {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  t.after(() => client.end());
  const failed = [];
  let ran = 0;
  for (const name of await documents()) {
    for (const { language, line, text } of blocks(await read(name))) {
      if (language !== "sql" || ELSEWHERE.test(text)) continue;
      await client.query("begin");
      await client.query(text.replaceAll("'…'", SOME_ID)).catch((error) => failed.push(`${name}:${line}: ${error.message}`));
      await client.query("rollback");
      ran += 1;
    }
  }
  assert.deepEqual(failed, []);
  assert.ok(ran >= 10);
});

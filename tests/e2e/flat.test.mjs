/** The judge of the long run, on made-up figures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EXACT, growing, median, quarters } from "./flat.mjs";
import { random } from "./random.mjs";

const days = (many, valueOf) => Array.from({ length: many }, (_, day) => ({ it: valueOf(day) }));
const noise = random(7);
const MEGABYTE = 1_000_000;
const heap = { it: { share: 0.02, more: MEGABYTE / 4 } };

test("noise, and one bad hour, are no growth", () => {
  assert.deepEqual(growing(days(100, () => 5 * MEGABYTE + noise() * MEGABYTE), heap), []);
  assert.deepEqual(growing(days(100, (day) => (day === 90 ? 9 : 5) * MEGABYTE), heap), []);
});

test("what it takes to warm up is no growth, and to become less is none", () => {
  assert.deepEqual(growing(days(100, (day) => Math.min(day, 25) * MEGABYTE), heap), []);
  assert.deepEqual(growing(days(100, (day) => (200 - day) * MEGABYTE), heap), []);
  assert.deepEqual(growing(days(100, (day) => Math.min(day, 24)), { it: EXACT }), []);
});

test("a little every day is growth, in all the noise", () => {
  const [line, ...more] = growing(days(100, (day) => 5 * MEGABYTE + day * 12_000 + noise() * (MEGABYTE / 2)), heap);
  assert.match(line, /^it has grown from /);
  assert.deepEqual(more, []);
});

test("a count that is one more on one day is not the same", () => {
  assert.deepEqual(growing(days(8, () => 3), { it: EXACT }), []);
  assert.deepEqual(growing(days(8, (day) => (day === 5 ? 4 : 3)), { it: EXACT }), ["it is not the same every day: 3, 4"]);
});

test("what was not measured, or hardly, is not called flat", () => {
  assert.throws(() => growing(days(8, (day) => (day === 5 ? undefined : 3)), { it: EXACT }), /it was not measured every day/);
  assert.throws(() => growing(days(3, () => 3), { it: EXACT }), /3 days are too few/);
});

test("quarters take every day once, and the median is in the middle", () => {
  for (const many of [4, 5, 6, 7, 101]) {
    assert.deepEqual(quarters(Array.from({ length: many }, (_, day) => day)).flat().length, many);
  }
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

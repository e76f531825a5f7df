// Puts functions that are alike beside each other: gzip only finds what it has seen within the last 32 kB.
import { functions, renamed } from "./format.mjs";
import { optimised } from "./optimised.mjs";

/** So many bytes in a row make two functions alike. */
const LENGTH = 4;

/** What of it may be found again elsewhere. */
function shingles({ body }) {
  const found = new Set();
  for (let at = 0; at + LENGTH <= body.length; at++) found.add(body.readUInt32LE(at));
  return found;
}

function likeness(one, other) {
  const [few, many] = one.size < other.size ? [one, other] : [other, one];
  let shared = 0;
  for (const shingle of few) if (many.has(shingle)) shared += 1;
  return shared;
}

/** Their places: after the largest always the one that is most like the last. */
function places(functions) {
  const all = functions.map(shingles);
  const left = new Set(all.keys());
  const places = [];
  let next = all.reduce((largest, { size }, index) => (size > all[largest].size ? index : largest), 0);
  for (let place = 0; left.size > 0; place++) {
    const last = next;
    left.delete(last);
    places[last] = place;
    let best = -1;
    for (const index of left) {
      const alike = likeness(all[last], all[index]);
      if (alike > best) [best, next] = [alike, index];
    }
  }
  return places;
}

/** The same WASM in another order. The names of its functions then begin with their places, by which `wasm-opt` sorts. */
export function ordered(wasm) {
  const all = functions(wasm);
  const at = places(all).map((place) => String(place).padStart(String(all.length).length, "0"));
  return optimised(renamed(wasm, all.map(({ name }, index) => `${at[index]} ${name}`)), "--reorder-functions-by-name");
}

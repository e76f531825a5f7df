/** An origin of a transport stream of 2 Mbit/s, as fast as it is filmed: 25 pictures a second, each with the time at which it left. Prints its port, and again and again how many connections it has. */
import { createServer } from "node:http";

const PICTURES = 25;
const PACKETS = 53; // of 188 bytes, for each picture
const [TABLE, VIDEO] = [0x1000, 0x100];

/** A packet of this part; what is left of it is filled. */
function packet(pid, flags, body) {
  const bytes = Buffer.alloc(188, 0xff);
  Buffer.from([0x47, flags | (pid >> 8), pid & 255, 0x10, ...body]).copy(bytes);
  return bytes;
}

const section = (id, body) => [0, id, 0xb0, 9 + body.length, 0, 1, 0xc1, 0, 0, ...body, 0, 0, 0, 0];
const PAT = packet(0, 0x40, section(0, [0, 1, 0xe0 | (TABLE >> 8), TABLE & 255]));
const PMT = packet(TABLE, 0x40, section(2, [0xe0 | (VIDEO >> 8), VIDEO & 255, 0xf0, 0, 0x1b, 0xe0 | (VIDEO >> 8), VIDEO & 255, 0xf0, 0]));

/** The nth picture. One in 25 is a key frame. */
function picture(n) {
  const time = n * (90_000 / PICTURES);
  const isKey = n % PICTURES === 0;
  const first = packet(VIDEO, 0x40, []);
  first[3] = 0x30;
  first.set([1, isKey ? 0x40 : 0, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5], 4);
  first.set([0x21 | ((time >> 29) & 0x0e), time >> 22, (time >> 14) | 1, time >> 7, (time << 1) | 1], 15);
  first.write("left at:", 24, "latin1");
  first.writeBigInt64BE(process.hrtime.bigint(), 32);
  const rest = Array.from({ length: PACKETS - 3 }, () => packet(VIDEO, 0, []));
  return Buffer.concat([PAT, PMT, first, ...rest]);
}

const viewers = new Set();
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "video/mp2t" });
  viewers.add(response);
  response.on("close", () => viewers.delete(response));
}).listen(0, "127.0.0.1", () => console.log(server.address().port));

const start = performance.now();
let n = 0;
setInterval(() => {
  while (n < ((performance.now() - start) / 1_000) * PICTURES) {
    const bytes = picture(n++);
    for (const viewer of viewers) viewer.write(bytes);
    if (n % PICTURES === 0) console.log(`connections ${viewers.size}`);
  }
}, 5);

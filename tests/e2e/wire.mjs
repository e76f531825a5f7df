/** A wire between a browser and a server, that can be cut: unlike a browser's own "offline", it takes open sockets along. */
import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Wire {
  #ends = new Set();
  #server = createServer((near) => this.#join(near));
  #isCut = false;
  /** Where the other end is. */
  #port;

  constructor(port) {
    this.#port = port;
  }

  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  /** Everything that is under way is lost; so is what comes, until `mend()`. */
  cut() {
    this.#isCut = true;
    this.drop();
  }

  mend() {
    this.#isCut = false;
  }

  /** Everything that is under way is lost; what comes next is not. */
  drop() {
    for (const end of this.#ends) end.destroy();
  }

  close() {
    this.cut();
    this.#server.close();
  }

  #join(near) {
    if (this.#isCut) return near.destroy();
    const far = connect(this.#port, "127.0.0.1");
    for (const [end, other] of [[near, far], [far, near]]) {
      this.#ends.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        this.#ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  }
}

// Who has which identity. LiveKit lets an identity in once: a second join throws out the first. So each browser has one
// of its own for as long as it is there, and some seconds longer, so that a reload finds the same one.

interface Lease {
  identity: string;
  /** Open connections of that browser; one per tab. */
  holders: number;
  expiry?: NodeJS.Timeout;
}

export class Leases {
  readonly #byBrowser = new Map<string, Lease>();

  constructor(private readonly graceMilliseconds: number) {}

  /** The browser's identity: the one that it has if that is still offered, else the first free one, else none. */
  take(browser: string, offered: Iterable<string>): string | undefined {
    const identities = [...offered];
    const lease = this.#byBrowser.get(browser);
    if (lease && identities.includes(lease.identity)) {
      this.#expireLater(browser, lease);
      return lease.identity;
    }
    const taken = this.#taken();
    const identity = identities.find((one) => !taken.has(one));
    if (identity === undefined) return undefined;
    if (lease) lease.identity = identity;
    else this.#add(browser, identity);
    return identity;
  }

  /**
   * Keep an identity until the function that is returned is called; undefined if it is not that browser's to keep. A
   * browser that comes with an identity that is free gets it: after a restart of this server nobody has any.
   */
  hold(browser: string, identity: string, offered: Iterable<string>): (() => void) | undefined {
    let lease = this.#byBrowser.get(browser);
    if (!lease && [...offered].includes(identity) && !this.#taken().has(identity)) lease = this.#add(browser, identity);
    if (lease?.identity !== identity) return undefined;
    const held = lease;
    held.holders += 1;
    clearTimeout(held.expiry);
    return () => {
      held.holders -= 1;
      this.#expireLater(browser, held);
    };
  }

  #taken(): Set<string> {
    return new Set([...this.#byBrowser.values()].map((lease) => lease.identity));
  }

  #add(browser: string, identity: string): Lease {
    const lease: Lease = { identity, holders: 0 };
    this.#byBrowser.set(browser, lease);
    this.#expireLater(browser, lease);
    console.log(`${identity} is leased`);
    return lease;
  }

  #expireLater(browser: string, lease: Lease): void {
    clearTimeout(lease.expiry);
    if (lease.holders > 0) return;
    lease.expiry = setTimeout(() => {
      this.#byBrowser.delete(browser);
      console.log(`${lease.identity} is free`);
    }, this.graceMilliseconds);
  }
}

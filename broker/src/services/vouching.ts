// Sites of other brokers, for customers of ours: the broker that we clear with says whose the name is, and we say that we took
// its word. Asked when somebody wants to pay there, and remembered for a while.
import {
  LOOPBACK,
  PaymentProblem,
  signObject,
  tryDecode,
  type VendorRecord,
  vendorRecordSchema,
  verifyObject,
} from '@farthing/protocol';
import type { PeerRow } from '../ledger/peers.ts';
import { away, type PeerDesk } from './peer-desk.ts';
import { secondsOf } from './seconds.ts';
import type { Step } from './step.ts';

const KNOWN_MS = 300_000;
const UNKNOWN_MS = 60_000;
/** Anyone may ask for any name: what that costs us, and those that we ask, is bounded. */
const NAMES = 10_000;
const AT_ONCE = 32;

type Seen = { readonly record: VendorRecord | undefined; readonly untilMs: number };

export class Vouching {
  readonly #desk: PeerDesk;
  /** Oldest first. */
  readonly #seen = new Map<string, Seen>();
  readonly #asking = new Map<string, Promise<VendorRecord | undefined>>();

  constructor(desk: PeerDesk) {
    this.#desk = desk;
  }

  /**
   * Our word on a site of another broker; `undefined` when none of them knows it.
   * @throws {PaymentProblem} `rate-limit`; `unavailable`: the one that would know is away
   */
  async of(vnd: string): Promise<VendorRecord | undefined> {
    const { env } = this.#desk;
    const seen = this.#seen.get(vnd);
    if (seen && env.nowMs < seen.untilMs) return seen.record;
    const asking = this.#asking.get(vnd);
    if (asking) return asking;
    if (this.#asking.size >= AT_ONCE) throw new PaymentProblem('rate-limit', { retryAfter: 1 });
    const ask = this.#ask(vnd).finally(() => this.#asking.delete(vnd));
    this.#asking.set(vnd, ask);
    return ask;
  }

  async #ask(vnd: string): Promise<VendorRecord | undefined> {
    const live = await this.#desk.look(({ ledger: { peers } }) => {
      const owner = peers.vendor(vnd)?.brk;
      return peers.all().filter(({ state, brk }) => state === 'live' && (owner ?? brk) === brk);
    });
    const peers = new Map(live.map((peer) => [peer.brk, peer]));
    const found = await Promise.allSettled([...peers.values()].map((peer) => this.#askOne(vnd, peer)));
    const records = found.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
    // Two sites of one name: nobody could say which one a customer means.
    const record = new Set(records.map(({ pk }) => pk)).size === 1 ? records[0] : undefined;
    if (records.length === 0 && found.some(({ status }) => status === 'rejected'))
      throw away('it may know this site, and is away');
    const mine = record && (await this.#desk.look((step) => ours(record, step)));
    this.#remember(vnd, { record: mine, untilMs: this.#desk.env.nowMs + (mine ? KNOWN_MS : UNKNOWN_MS) });
    return mine;
  }

  /** @throws {PaymentProblem} `unavailable` */
  async #askOne(vnd: string, peer: PeerRow): Promise<VendorRecord | undefined> {
    const reply = await this.#desk.read(peer, `/v1/peers/vendors/${encodeURIComponent(vnd)}`);
    if (reply.status === 404) return undefined;
    const record = tryDecode(vendorRecordSchema, reply.json);
    const { crypto } = this.#desk.env;
    const isIts = record?.brk === peer.brk && record.vnd === vnd && record.via === undefined;
    if (!record || !isIts || !verifyObject(record, peer.root, record.sig, crypto)) throw away('its word is not signed');
    return record;
  }

  #remember(vnd: string, seen: Seen): void {
    this.#seen.delete(vnd);
    this.#seen.set(vnd, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > NAMES && oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** Plain http and loopback are for test mode alone, whatever the other broker lets its sites do. */
function ours({ vnd, pk, name, origins, brk: via }: VendorRecord, { keys, settings, env }: Step): VendorRecord {
  const good = origins.filter((origin) => settings.test || (origin !== LOOPBACK && origin.startsWith('https://')));
  const unsigned = {
    typ: 'vendor/1' as const,
    ...{ brk: keys.brk, vnd, pk, name, origins: good, via, at: secondsOf(env.nowMs) },
  };
  return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
}

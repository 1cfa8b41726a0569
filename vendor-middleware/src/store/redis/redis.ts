// The store on Redis and Redis Cluster: for sites that run on several machines and want no database for it. Every process sends
// batches of steps that the server carries out one after the other; nothing is remembered in between that anything is decided by.

import { atStart } from '../away.ts';
import type { ClaimDue, VendorStore } from '../port.ts';
import { Batches, type Operation } from './batches.ts';
import { gateOf } from './gate.ts';
import { headIn, listOf, ms, type Reply, readSession, textOf } from './lines.ts';
import { Link } from './link.ts';
import { change, finding, reservation, sessionChange, settling } from './operations.ts';
import { SCRIPT } from './script.ts';
import { Sessions } from './sessions.ts';
import type { Risk } from './settings.ts';

export type { Risk } from './settings.ts';

/**
 * `name`: one for each site that shares the server; all keys of a site begin with it in braces, and so are in one slot of
 * a cluster. `waitReplicas`: so many replicas confirm each write before it counts. `accepts`: risks that the site takes
 * although payments could then be taken twice.
 */
export type RedisOptions = {
  readonly name?: string;
  readonly waitReplicas?: number;
  readonly accepts?: readonly Risk[];
};

/**
 * Connects, and makes the store if it is not there.
 * @param server such as redis://user:password@host:6379, or some servers of a cluster: user, password and TLS (rediss:) are those of
 *   the first for all of them
 * @throws {SetupError} `store-unreachable`
 * @throws {Error} settings of the server that lose writes; rows of a newer program
 */
export async function redis(
  server: string | { readonly cluster: readonly string[] },
  { name = 'farthing', waitReplicas = 0, accepts = [] }: RedisOptions = {},
): Promise<VendorStore> {
  if (!/^[a-z0-9_.-]{1,63}$/i.test(name)) {
    throw new TypeError(`name: expected letters, digits, and _ . -, got ${JSON.stringify(name)}`);
  }
  if (!Number.isInteger(waitReplicas) || waitReplicas < 0) throw new TypeError('waitReplicas: expected a count');
  const isCluster = typeof server !== 'string';
  const tag = `{${name}}`;
  const urls = isCluster ? server.cluster : [server];
  const link = new Link({
    urls,
    isCluster,
    key: `${tag}gate`,
    script: SCRIPT,
    wanted: { accepts, waitReplicas, isCluster },
  });
  try {
    const gate = await gateOf(link, tag);
    const sessions = new Sessions();
    const batches = new Batches(link, { tag, gate, waitReplicas, onLost: () => sessions.forgetAll() });
    return storeOn(batches, sessions, () => link.close());
  } catch (error) {
    link.close();
    throw atStart(error, { name: 'Redis', urls });
  }
}

function storeOn(batches: Batches, sessions: Sessions, close: () => void): VendorStore {
  return {
    reserve: (entry) => batches.reserve(entry, reservation(entry, sessions)),
    find: (id) => batches.run(finding(id)),
    unsettled: (limit) => batches.run(asking('unsettled', [limit], (reply) => listOf(reply).map(listOf).map(open))),
    takeOver: (id, { from, atMs, to, nowMs }) =>
      batches.run(change({ step: 'takeOver', values: [id, from, String(atMs), to, String(nowMs)] })),
    settle: (id, owner, verdict, undo) => batches.run(settling({ id, owner, verdict }, undo, sessions)),
    readSession: (key) => batches.run(asking('row', [`x:${key}`], (reply) => readSession(textOf(reply)).row)),
    changeSession: (key, step) => batches.run(sessionChange(key, step, sessions)),
    claimsDue: (limit, kind = '') =>
      batches.run(asking('claimsDue', [limit, kind], (reply) => listOf(reply).map(listOf).map(due))),
    countDue: (atMost, kind) => batches.run(asking('countDue', kind === undefined ? [atMost] : [atMost, kind], Number)),
    sweep: (nowMs, limit) => batches.run(asking('sweep', [String(nowMs), limit], Number)),
    ...documents(batches),
    close: async () => {
      await batches.close();
      close();
    },
  };
}

type Plain = Pick<VendorStore, 'claimsPaid' | 'lease' | 'take' | 'readDoc' | 'listDocs' | 'swapDoc'>;

function documents(batches: Batches): Plain {
  /** A list of one text, or of none. */
  const maybe = (value: string | undefined) => (value === undefined ? [] : [value]);
  return {
    claimsPaid: (paid, { key, was, put }) => {
      const totals = paid.map(({ key: claim, total, over }) => [claim, total.toString(), over ? 1 : 0]);
      const puts = Object.entries(put).map(([name, value]) => [name, maybe(value)]);
      return batches.run(change({ step: 'claimsPaid', values: [totals, key, maybe(was), puts] }));
    },
    lease: (name, count) => batches.run(asking('lease', [name, count.toString()], (first) => BigInt(textOf(first)))),
    take: (key, limit, untilMs) => batches.run(change({ step: 'take', values: [key, limit, ms(untilMs)] })),
    readDoc: (key) =>
      batches.run(
        asking('doc', [key], (reply) => (listOf(reply)[0] === undefined ? undefined : textOf(listOf(reply)[0]))),
      ),
    listDocs: (prefix) =>
      batches.run(
        asking('listDocs', [prefix], (reply) =>
          listOf(reply)
            .map(listOf)
            .map(([key, value]) => ({ key: textOf(key), value: textOf(value) })),
        ),
      ),
    swapDoc: (key, was, value) => batches.run(change({ step: 'swapDoc', values: [key, maybe(was), maybe(value)] })),
  };
}

const asking = <Result>(
  step: string,
  values: readonly unknown[],
  read: (reply: Reply) => Result,
): Operation<Result> => ({ print: () => ({ step, values }), read });

const open = ([id, row]: readonly Reply[]) => ({ id: textOf(id), mints: [...headIn(textOf(row)).m] });

function due([key, total, evidence, deed]: readonly Reply[]): ClaimDue {
  const [shown, told] = [textOf(evidence), textOf(deed)];
  return {
    key: textOf(key),
    total: BigInt(textOf(total)),
    ...(shown === '' ? {} : { evidence: JSON.parse(shown) }),
    ...(told === '' ? {} : { deed: JSON.parse(told.slice(told.indexOf(' ') + 1)) }),
  };
}

// Who serves a reservation. A reservation whose owner is dead may be taken over at once, any other only after a time.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Instances of this module that live in this thread. A pid may be used again: then this set tells old from new. */
const living = new Set<string>();

export type Owner = { readonly id: string; close(): void };

export function makeOwner(): Owner {
  const id = `${hostname().slice(0, 64)}|${process.pid}|${threadId}|${randomBytes(9).toString('base64url')}`;
  living.add(id);
  return { id, close: () => living.delete(id) };
}

/** Certainly dead: true only for what this machine can know. */
export function isDead(owner: string): boolean {
  const [host, pid, thread] = owner.split('|');
  if (host !== hostname().slice(0, 64)) return false;
  if (Number(pid) === process.pid) return Number(thread) === threadId && !living.has(owner);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

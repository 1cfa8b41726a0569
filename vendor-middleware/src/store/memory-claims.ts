// The claims of a store in memory, with those that are due at hand: to look for them among all that were ever made holds up the
// event loop, and longer with every payment.
import { addClaim, type ClaimStep, limits } from '@farthing/protocol';
import { type PaidClaim, paidOut } from './paid.ts';
import type { ClaimPaid } from './port.ts';

export class MemoryClaims {
  readonly #all = new Map<string, PaidClaim>();
  /** Keys of those that grew since they were paid, by kind, in the order in which they did. */
  readonly #due = new Map<string, Set<string>>();

  add(steps: readonly ClaimStep[]): void {
    for (const step of steps) {
      const now = this.#all.get(step.key);
      this.#put(step.key, { ...addClaim(now, step), paid: now?.paid ?? 0n });
    }
  }

  pay(paid: readonly ClaimPaid[]): void {
    for (const one of paid) {
      const claim = this.#all.get(one.key);
      if (!claim) continue;
      const now = paidOut(claim, one);
      if (one.over && now.paid === now.total) this.#forget(one.key);
      else this.#put(one.key, now);
    }
  }

  /** The first so many. */
  due(limit: number, kind: string): { key: string; claim: PaidClaim }[] {
    const first: { key: string; claim: PaidClaim }[] = [];
    for (const key of this.#due.get(kind) ?? []) {
      if (first.length >= limit) break;
      const claim = this.#all.get(key);
      if (claim) first.push({ key, claim });
    }
    return first;
  }

  countDue(kind: string | undefined): number {
    if (kind !== undefined) return this.#due.get(kind)?.size ?? 0;
    return [...this.#due.values()].reduce((sum, { size }) => sum + size, 0);
  }

  sweep(nowMs: number): void {
    for (const [key, { untilMs }] of this.#all) {
      if (untilMs + limits.retentionMs >= nowMs) continue;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#all.delete(key);
    this.#due.get(kindOf(key))?.delete(key);
  }

  #put(key: string, claim: PaidClaim): void {
    this.#all.set(key, claim);
    const kind = kindOf(key);
    const due = this.#due.get(kind) ?? new Set();
    if (claim.total > claim.paid) due.add(key);
    else due.delete(key);
    this.#due.set(kind, due);
  }
}

const kindOf = (key: string): string => key.slice(0, key.indexOf(':') + 1);

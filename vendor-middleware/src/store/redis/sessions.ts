// Rows of sessions as this process saw them last, or as they will be when what is under way succeeds. Nothing is decided by them: the
// script says when one is stale, with the row as it is, and the step runs again on that.
import type { Json } from '@farthing/protocol';
import { printSession, readSession, type SessionState } from './lines.ts';

/** Between this and twice as many. */
const KEPT = 500;

export class Sessions {
  #young = new Map<string, SessionState>();
  #old = new Map<string, SessionState>();
  /** No other process, nor this one after a restart, calls a row the same. */
  readonly #process = Math.random().toString(36).slice(2, 12) + Date.now().toString(36);
  #writes = 0;

  get(key: string): SessionState | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** What the script answered. */
  learn(key: string, text: string): SessionState {
    return this.#set(key, readSession(text));
  }

  /** As the row will be, and its text. */
  expect(key: string, row: Json, untilMs: string): string {
    return printSession(this.#set(key, { version: `${this.#process}.${++this.#writes}`, row, untilMs }));
  }

  /** Something else happened. */
  forget(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  forgetAll(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #set(key: string, state: SessionState): SessionState {
    if (this.#young.size >= KEPT) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, state);
    return state;
  }
}

// Everything that the world can do wrong: stable code, HTTP status, problem type, who can mend it, help.
import type { JsonObject } from './json.ts';
import type { Fixer } from './problem-row.ts';
import { brokerProblems } from './problems-broker.ts';
import { methodProblems } from './problems-methods.ts';
import { schemeProblems } from './problems-scheme.ts';
import { walletProblems } from './problems-wallet.ts';

const table = { ...schemeProblems, ...methodProblems, ...brokerProblems, ...walletProblems };

export type ProblemCode = keyof typeof table;
export const problemCodes = Object.keys(table) as ProblemCode[];

const BASE = 'https://paymentauth.org/problems/';
const OWN = new Set(['broker', 'wallet']);

export type ProblemInfo = {
  code: ProblemCode;
  type: string;
  status: number;
  fixer: Fixer;
  title: string;
  help: string;
};

/** The table's row for a code. */
export function problemInfo(code: ProblemCode): ProblemInfo {
  const [type, status, fixer, title, help] = table[code];
  return { code, type: OWN.has(type) ? `urn:farthing:problem:${code}` : BASE + type, status, fixer, title, help };
}

export function isProblemCode(text: unknown): text is ProblemCode {
  return typeof text === 'string' && Object.hasOwn(table, text);
}

export type Consumed = false | true | 'unknown';

/** What a problem says beyond its table row. `detail` holds what was expected and what came, and never a secret. */
export type ProblemExtra = {
  readonly detail?: string;
  readonly consumed?: Consumed;
  /** Seconds after which a repeat makes sense. */
  readonly retryAfter?: number;
  /** Further members of the body, such as `shortBy`. */
  readonly members?: JsonObject;
};

/** The one error class for the world's faults. Ours are plain `Error`s and end in `site-fault` or `unavailable`. */
export class PaymentProblem extends Error {
  readonly code: ProblemCode;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    super(extra.detail ? `${code}: ${extra.detail}` : `${code}: ${table[code][3]}`);
    this.name = 'PaymentProblem';
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return table[this.code][1];
  }

  /** RFC 9457 members. */
  toBody(): JsonObject {
    const info = problemInfo(this.code);
    return {
      type: info.type,
      title: info.title,
      status: info.status,
      code: this.code,
      detail: this.extra.detail ?? info.help,
      consumed: this.extra.consumed ?? false,
      ...this.extra.members,
    };
  }
}

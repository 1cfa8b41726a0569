// What a credential is bound to besides the price: the route and method (scope), and the exact request (target).
import { createHash } from 'node:crypto';
import { limits, PaymentProblem, type Scope } from '@farthing/protocol';
import type { Request } from 'express';

export type RouteScope = Pick<Scope, 's' | 'p'>;

const LONGEST = 160;

type ScopeTerms = {
  /** The owner's name of the route. */
  readonly owner: string | undefined;
  /** The pattern is offered to wallets only where every page of the route costs the same. */
  readonly onePrice: boolean;
  /** In place of the request's own, where several are one offer. */
  readonly method: string | undefined;
};

/**
 * The site's own id of the route and HTTP method. The owner names it explicitly; else it is the mount path and the
 * route's pattern, as Express matched them: there is no second matcher that could disagree.
 */
export function scopeReader(terms: ScopeTerms): (req: Request) => RouteScope {
  // Most walls stand before one route and one method: the last answer is the next.
  let last: { readonly place: Place; readonly scope: RouteScope } | undefined;
  return (req) => {
    const pattern: unknown = req.route?.path;
    const { baseUrl } = req;
    const method = terms.method ?? req.method;
    const known = last?.place;
    if (last && known?.method === method && known.baseUrl === baseUrl && known.pattern === pattern) return last.scope;
    const place = { ...terms, method, baseUrl, pattern };
    last = { place, scope: scopeOf(place) };
    return last.scope;
  };
}

type Place = ScopeTerms & { readonly baseUrl: string; readonly pattern: unknown };

function scopeOf({ owner, onePrice, method, baseUrl, pattern }: Place): RouteScope {
  const route = pattern === undefined ? '' : String(pattern);
  const s = short(`${method} ${owner ?? `${baseUrl}${route}`}`);
  const p = onePrice && typeof pattern === 'string' ? wildcard(baseUrl + pattern) : undefined;
  return p === undefined ? { s } : { s, p };
}

/** `/article/:id` → `/article/*`; `undefined` for patterns that are more than segments and whole-segment parameters. */
function wildcard(path: string): string | undefined {
  const segments = path.split('/').map((segment) => (/^:[A-Za-z_]\w*$/.test(segment) ? '*' : segment));
  const plain = segments.every((segment) => segment === '*' || /^[A-Za-z0-9._~%@-]*$/.test(segment));
  const text = segments.join('/');
  return plain && text.length <= LONGEST && text.startsWith('/') ? text : undefined;
}

/** Scopes travel in a challenge of 2 KB: long ones are named by their hash. */
const short = (text: string): string =>
  text.length <= LONGEST ? text : `h:${createHash('sha256').update(text).digest('base64url')}`;

/**
 * `METHOD /path?query` as on the request line, in origin-form: an absolute-form target names a host that we do not
 * believe. @param method in place of the request's own @throws {PaymentProblem} `request-malformed` longer than
 * `limits.urlBytes`
 */
export function targetOf(req: Request, method: string = req.method): string {
  const path = req.originalUrl.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  const target = `${method} ${path.startsWith('/') ? path : `/${path}`}`;
  if (target.length > limits.urlBytes) {
    throw new PaymentProblem('request-malformed', {
      detail: `the request target has more than ${limits.urlBytes} bytes`,
    });
  }
  return target;
}

/** Path and query of a request. @throws {PaymentProblem} as `targetOf` */
export const pathOf = (req: Request): string => targetOf(req, 'GET').slice('GET '.length);

// The syntax of WWW-Authenticate and Authorization (RFC 9110 §11), with the traps of wire profile 1 §9.
// Linear time: one index walks the text once, and each challenge is kept or dropped by itself.

export type AuthChallenge = {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
  readonly token68?: string;
};

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;

/**
 * Splits the text of one or several joined field lines into challenges. Commas separate both parameters and
 * challenges: `token BWS "="` that is not followed by the end or a comma is a parameter, else a new scheme.
 * A challenge with a parameter twice, or with text that fits no rule, is dropped; its neighbours stay.
 */
export function parseAuthChallenges(text: string, limits: { challenges: number; params: number }): AuthChallenge[] {
  const found: AuthChallenge[] = [];
  let current: { scheme: string; params: Map<string, string>; token68?: string; bad: boolean } | undefined;
  const close = () => {
    if (current && !current.bad) {
      const { scheme, params, token68 } = current;
      found.push(token68 === undefined ? { scheme, params } : { scheme, params, token68 });
    }
    current = undefined;
  };
  let at = 0;
  const skip = (letters: string) => {
    while (at < text.length && letters.includes(text.charAt(at))) at++;
  };
  while (found.length < limits.challenges) {
    skip(' \t,');
    if (at >= text.length) break;
    const name = readToken(text, at);
    if (!name) {
      // Not a token: skip to the next list member and drop what it stood in.
      if (current) current.bad = true;
      at = nextMember(text, at);
      continue;
    }
    const value = readParameter(text, at + name.length);
    if (value && current) {
      const key = name.toLowerCase();
      if (value.text === undefined || current.params.has(key) || current.params.size >= limits.params)
        current.bad = true;
      else current.params.set(key, value.text);
      at = value.end;
      skip(' \t');
      if (at < text.length && text.charAt(at) !== ',') {
        current.bad = true;
        at = nextMember(text, at);
      }
      continue;
    }
    if (value) {
      at = nextMember(text, at); // a parameter before any scheme
      continue;
    }
    close();
    current = { scheme: name.toLowerCase(), params: new Map(), bad: false };
    at += name.length;
    if (at < text.length && text.charAt(at) !== ',' && text.charAt(at) !== ' ' && text.charAt(at) !== '\t') {
      current.bad = true;
      at = nextMember(text, at);
      continue;
    }
    skip(' \t');
    const blob = readToken68(text, at);
    if (blob) {
      current.token68 = blob;
      at += blob.length;
    }
  }
  close();
  return found.slice(0, limits.challenges);
}

function readToken(text: string, from: number): string {
  let at = from;
  while (at < text.length && TOKEN.test(text.charAt(at))) at++;
  return text.slice(from, at);
}

/** A token68 stands alone: it is followed by the end or a comma, and is not the name of a parameter. */
function readToken68(text: string, from: number): string | undefined {
  let at = from;
  while (at < text.length && /[A-Za-z0-9\-._~+/]/.test(text.charAt(at))) at++;
  if (at === from) return undefined;
  while (text.charAt(at) === '=') at++;
  const end = at;
  while (text.charAt(at) === ' ' || text.charAt(at) === '\t') at++;
  return at >= text.length || text.charAt(at) === ',' ? text.slice(from, end) : undefined;
}

/** `undefined`: this is no parameter. `text: undefined`: it is one, and its value is broken. */
function readParameter(text: string, from: number): { text: string | undefined; end: number } | undefined {
  let at = from;
  while (text.charAt(at) === ' ' || text.charAt(at) === '\t') at++;
  if (text.charAt(at) !== '=') return undefined;
  at++;
  while (text.charAt(at) === ' ' || text.charAt(at) === '\t') at++;
  if (at >= text.length || text.charAt(at) === ',' || text.charAt(at) === '=') return undefined;
  if (text.charAt(at) !== '"') {
    const token = readToken(text, at);
    return token ? { text: token, end: at + token.length } : { text: undefined, end: nextMember(text, at) };
  }
  let out = '';
  let bad = false;
  for (at++; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === '"') return { text: bad ? undefined : out, end: at + 1 };
    if (c === '\\') {
      at++;
      if (at >= text.length) break;
    }
    const letter = text.charAt(at);
    if (letter < ' ' && letter !== '\t') bad = true;
    out += letter;
  }
  return { text: undefined, end: text.length };
}

/** The next comma outside of a quoted-string, or the end. */
function nextMember(text: string, from: number): number {
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const c = text.charAt(at);
    if (quoted && c === '\\') at++;
    else if (c === '"') quoted = !quoted;
    else if (c === ',' && !quoted) return at;
  }
  return text.length;
}

/** `Scheme a="1", b="2"`; values are quoted-strings. Throws on control characters: they would split the header. */
export function printAuthChallenge(scheme: string, params: Iterable<readonly [string, string]>): string {
  const parts: string[] = [];
  for (const [name, value] of params) {
    if (/[^\t -~]/.test(value)) throw new TypeError(`auth-param ${name} must be printable ASCII`);
    parts.push(`${name}="${value.replace(/[\\"]/g, '\\$&')}"`);
  }
  return `${scheme} ${parts.join(', ')}`;
}

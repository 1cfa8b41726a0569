// Where a site's offer also holds: a path pattern of its scope, in which each `*` stands for one path segment that is not
// empty, and the HTTP method that it was offered for.

export type Ahead = {
  readonly pattern: string;
  readonly method: string;
  /** Paid in a session: then a request may carry a body, which a single charge would be bound to. */
  readonly session: boolean;
};

export const isAheadEntry = (value: unknown): value is Ahead =>
  typeof value === 'object' &&
  value !== null &&
  'pattern' in value &&
  typeof value.pattern === 'string' &&
  'method' in value &&
  typeof value.method === 'string' &&
  'session' in value &&
  typeof value.session === 'boolean';

/** Whether a request of this method and path can be paid before its site asks. */
export const fits = (entry: Ahead, { method, path, hasBody }: { method: string; path: string; hasBody: boolean }) =>
  entry.method === method && (entry.session || !hasBody) && matchesPattern(entry.pattern, path);

export function matchesPattern(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((part, at) => (part === '*' ? given[at] !== '' : part === given[at]))
  );
}

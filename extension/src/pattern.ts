// A path pattern of a site's scope: each `*` stands for one path segment that is not empty.

export function matchesPattern(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((part, at) => (part === '*' ? given[at] !== '' : part === given[at]))
  );
}

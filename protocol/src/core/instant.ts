// Instants as they stand on the wire: RFC 3339, UTC, whole seconds.

/** A printer that remembers its last second, which a busy site asks for thousands of times. Milliseconds in. */
export function instantPrinter(): (atMs: number) => string {
  let known = Number.NaN;
  let text = '';
  return (atMs) => {
    const second = Math.floor(atMs / 1000);
    if (second !== known) {
      text = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
      known = second;
    }
    return text;
  };
}

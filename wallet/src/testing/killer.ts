// Death of a wallet at one of its waits, for crash tests.

class Killed extends Error {}

/** Dies at the n-th wait, and stays dead. */
export function killer(at: number, when: 'before' | 'after') {
  let count = 0;
  let dead = false;
  const guard = async <T>(run: () => Promise<T>): Promise<T> => {
    if (dead) throw new Killed();
    const now = ++count === at;
    if (now && when === 'before') dead = true;
    if (dead) throw new Killed();
    const result = await run();
    if (now) dead = true;
    if (dead) throw new Killed();
    return result;
  };
  return { guard, isDead: () => dead };
}

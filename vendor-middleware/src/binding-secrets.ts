// The secrets that bind challenges: made here, or the owner's own, and then they must be secrets.
import type { BindingSecrets } from '@farthing/protocol';
import type { FarthingOptions } from './options.ts';
import { SetupError } from './setup-error.ts';

/** Secrets that stand in documentation, so that everybody knows them. */
const WELL_KNOWN =
  /correct horse battery staple|change[-_ ]?me|(?:your|my|super)[-_ ]?secret|password|0123456789abcdef0123456789abcdef/i;

/** @throws {SetupError} `secret-missing`, `secret-weak` */
export function bindingSecrets(option: FarthingOptions['secret'], own: () => Uint8Array): BindingSecrets {
  if (option === undefined) return [own()];
  const list = typeof option === 'string' || option instanceof Uint8Array ? [option] : option;
  const [first, ...older] = list.map((secret) =>
    typeof secret === 'string' ? new TextEncoder().encode(secret) : secret,
  );
  if (!first || first.length === 0) {
    throw new SetupError(
      'secret-missing',
      'secret is empty: leave it out to have one made, or give at least 32 random bytes',
    );
  }
  for (const secret of [first, ...older]) {
    const dull = new Set(secret).size < 10 || WELL_KNOWN.test(Buffer.from(secret).toString('latin1'));
    if (secret.length < 32 || dull) {
      throw new SetupError('secret-weak', 'secret needs at least 32 random bytes: run `openssl rand -base64 48`');
    }
  }
  return [first, ...older];
}

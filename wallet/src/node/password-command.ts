// The command that sets, changes and removes the password of a wallet.
import { type Command, UsageError } from './command.ts';
import { firstPassword, nextPassword, passwordNow, workOf } from './typed.ts';

export const password: Command = {
  usage: 'farthing password set | change | remove',
  about: 'Seals the words and keys of this wallet under a password, which money that leaves the account needs then.',
  args: 1,
  options: {},
  help: [
    ['set', 'asks for one, twice; without a terminal it is the first line of standard input'],
    ['change', 'asks for the old one first; without a terminal: two lines'],
    ['remove', 'words and keys lie in the open again'],
    ['FARTHING_PASSWORD_FILE', 'a file with the password, for every command; _NEW_PASSWORD_FILE for set and change'],
  ],
  mend: { 'wallet-locked': 'Or run it in a terminal.' },
  async run({ wallet, args: [what], out }) {
    const work = workOf(out);
    const { set } = wallet.password.state();
    if (what === 'set') {
      if (set) throw new UsageError('there is a password: farthing password change');
      await wallet.password.set(await firstPassword(), work);
      out.fact('Without the password only the words bring the money back: farthing phrase, and paper.');
    } else if (what === 'change' || what === 'remove') {
      if (!set) throw new UsageError('there is no password: farthing password set');
      const from = await passwordNow(0);
      if (what === 'remove') await wallet.password.remove(from, work);
      else await wallet.password.change({ from, to: await nextPassword() }, work);
    } else if (what !== undefined) throw new UsageError('farthing password set, change or remove');
    const state = wallet.password.state();
    out.result(state, [state.set ? 'This wallet has a password.' : 'This wallet has no password.']);
  },
};

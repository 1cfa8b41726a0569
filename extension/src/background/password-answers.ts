// Answers to messages about the password.
import type { Wallet } from '@farthing/wallet';
import type { Handlers } from '../messages.ts';
import type { passwordMessages } from '../password-messages.ts';
import { wallet } from './engine.ts';
import { write } from './snapshot.ts';

/** The pages see at once what it changed. */
async function done(act: (password: Wallet['password']) => Promise<void>): Promise<undefined> {
  await act((await wallet).password);
  await write();
}

export const passwordHandlers: Pick<Handlers, keyof typeof passwordMessages> = {
  unlock: ({ password }) => done((wallet) => wallet.unlock(password)),
  lock: () => done((wallet) => wallet.lock()),
  setPassword: ({ password }) => done((wallet) => wallet.set(password)),
  changePassword: (change) => done((wallet) => wallet.change(change)),
  removePassword: ({ password }) => done((wallet) => wallet.remove(password)),
};

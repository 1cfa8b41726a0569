// The broker's ledger on its books, with every statement prepared once.

import type { Crypto } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { openArchived } from './archived.ts';
import { openCheques } from './cheque.ts';
import { openClearing } from './clearing.ts';
import { openCodes } from './codes.ts';
import { openCredit } from './credit.ts';
import { openEcash } from './ecash.ts';
import { openInvoices } from './invoices.ts';
import { openJournal } from './journal.ts';
import { openNotes } from './notes.ts';
import { openOrders } from './orders.ts';
import { openPayword } from './payword.ts';
import { openPeers } from './peers.ts';
import { openScrip } from './scrip.ts';
import { openVendors } from './vendors.ts';

export type Ledger = ReturnType<typeof openLedger>;

export function openLedger(db: Books, signer: { crypto: Crypto; seed: Uint8Array }) {
  return {
    journal: openJournal(db, signer.crypto),
    orders: openOrders(db),
    archived: openArchived(db),
    vendors: openVendors(db),
    scrip: openScrip(db),
    payword: openPayword(db),
    credit: openCredit(db, signer),
    invoices: openInvoices(db, signer),
    notes: openNotes(db, signer),
    ecash: openEcash(db, signer.crypto),
    peers: openPeers(db, signer),
    clearing: openClearing(db, signer),
    cheques: openCheques(db),
    codes: openCodes(db, signer),
    /** Names what will be asked for, by reading it: where it has to be brought, it comes in one journey. */
    gather: (read: () => unknown): void => db.gather(read),
    /** What an order will ask for, named before it is decided: where it has to be brought, all of it comes in one journey. */
    foresee: (name: () => unknown): void => db.foresee(name),
  };
}

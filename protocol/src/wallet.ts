// The wallet's half of every method. A new method is one more export here.
export { commit, commitSegments, makeChain, type OwnChain, pieceOf } from './payword/make.ts';
export * from './payword/orders.ts';
export { type PaywordPiece, pieceSchema as paywordPieceSchema } from './payword/piece.ts';
export { paywordWallet } from './payword/wallet.ts';
export { type Anchor, type Close, closeSchema, type DayCert, type Ticket } from './payword/wire.ts';
export * from './scrip/orders.ts';
export { pieceSchema as scripPieceSchema, releaseBody, type ScripPiece, scripWallet } from './scrip/wallet.ts';
export { fundsProof, proofText, type Release, releaseSchema, type Scrip, scripSchema } from './scrip/wire.ts';

// The wallet's half of every method. A new method is one more export here.
export * from './scrip/orders.ts';
export { pieceSchema as scripPieceSchema, releaseBody, type ScripPiece, scripWallet } from './scrip/wallet.ts';
export { fundsProof, proofText, type Release, releaseSchema, type Scrip, scripSchema } from './scrip/wire.ts';

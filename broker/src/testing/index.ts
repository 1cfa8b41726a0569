// @farthing/broker/testing: a broker of its own with customers and sites by hand, for the tests of other packages.
export * as cheques from './cheques.ts';
export { Bench, DAY_SECONDS, Person, pieceOf, type Reply, Site, type Sold, soldOf, USD } from './client.ts';
export { Holder, lockKeysets, present } from './coins.ts';
export { type Desk, openDesk } from './desk.ts';
export { Guest } from './hosted.ts';
export { pinEachOther } from './pair.ts';
export { addAccounts, addSpent } from './past.ts';
export * as payword from './payword.ts';
export { newDatabase } from './postgres.ts';
export { tellStory } from './story.ts';

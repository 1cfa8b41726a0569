// @farthing/vendor: charge a fraction of a cent for an Express route.
export type { Credited } from './credit-notes.ts';
export { farthing } from './farthing.ts';
export type { Farthing } from './farthing-api.ts';
export type { GoodsContent, GoodsSource } from './goods/source.ts';
export type { FarthingOptions, MethodName, SealedOptions, StreamOptions, Text, WallOptions } from './options.ts';
export type { PriceOption } from './price.ts';
export type { Ready, Unready } from './readiness.ts';
export type { Redeeming } from './redeemers.ts';
export { type Problem, type SetupCode, SetupError } from './setup-error.ts';
export { memory } from './store/memory.ts';
export type * from './store/port.ts';
export { sqlite } from './store/sqlite.ts';
export type { StreamSource } from './stream.ts';
export type { Chunk } from './units.ts';

// @farthing/node-kit: shared by the Node hosts (broker, vendor middleware, command line). No knowledge of any method.
export { nativeAead } from './aead.ts';
export { callBroker, neverLeft, type Reply, statedProblem } from './call.ts';
export { nativeCrypto, nodeEnv } from './crypto.ts';
export { type BatchParts, type BatchTimes, GroupCommit, type GroupOptions, isBusy } from './group-commit.ts';
export { dataBlock, html, type Markup, styleBlock } from './html.ts';
export { faultOf, type LogFields, type LogFormat, type Logger, type LogLevel, lineLogger, logLevels } from './log.ts';
export { nativeStretch } from './password.ts';
export { type ArrayType, arrayOf } from './postgres-array.ts';
export { ProofPool, proofPool, Unchecked } from './proofs/pool.ts';
export { blindSigner, type MintKey, makeMintKey, nativeRsa } from './rsa.ts';
export { secretFile } from './secret-file.ts';
export { openDatabase, openReadOnly } from './sqlite.ts';

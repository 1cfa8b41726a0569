// @farthing/broker: the broker as a library. The command is `main.ts`.

export { type AuditReport, auditLedger } from './audit/audit.ts';
export type { Finding } from './audit/findings.ts';
export { type BrokerOptions, type RunningBroker, startBroker } from './start.ts';

// @farthing/broker: the broker as a library. The command is `main.ts`.
export { type BrokerOptions, type RunningBroker, startBroker } from './start.ts';

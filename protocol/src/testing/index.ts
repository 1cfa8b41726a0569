// For tests only: the conformance suite of payment methods and the seeded simulation.
export { conformanceChecks } from './conformance.ts';
export type { Check, Due, FixtureBroker, FixtureWorld, MethodFixture } from './fixture.ts';
export { type Rng, seeded, seededEnv } from './random.ts';
export { type StreamOptions, type StreamReport, simulateStream } from './session-simulation.ts';
export { type SimulationOptions, type SimulationReport, simulate } from './simulation.ts';
export { type Arrival, type Outcome, VendorInMemory } from './vendor-in-memory.ts';

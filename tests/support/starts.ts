/** How often a Relay came to life: tests, Worker and objects share one isolate under vitest. */
const registry = globalThis as typeof globalThis & { arbitragexRelayStarts?: number };

export function countStart(): void {
  registry.arbitragexRelayStarts = relayStarts() + 1;
}

export function relayStarts(): number {
  return registry.arbitragexRelayStarts ?? 0;
}

/**
 * Who sends to the processor and hears its answers. Every message and every answer goes to all of them, so there are
 * few: with many, the fan-out would be measured again.
 */
export const askers = { clients: 0, publishers: 10 } as const;

/**
 * The header by which the client page says where it came from when it asks over HTTP why its WebSocket does not come about. A browser names
 * the page by itself for a WebSocket alone, and whether the page's origin is refused is what it wants to know.
 */
export const pageHeader = "warren-page";

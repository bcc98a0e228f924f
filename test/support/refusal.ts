/** The answer to a handshake that is refused. */
export async function refusalOf(url: URL, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers: { upgrade: "websocket", ...headers } });
  return { status: response.status, reason: await response.text() };
}

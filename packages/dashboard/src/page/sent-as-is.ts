/**
 * Requests whose response is sent with the headers that it has. Next sends a response without its Content-Encoding, so a body that
 * was compressed here could not be read: only what `dashboardListener` sends itself is compressed.
 */
export const sentAsIs: WeakSet<Request> = new WeakSet();

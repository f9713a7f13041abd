// Bytes of tests as hex digits or text, and back.

/** Spaces between the digits are passed over. */
export const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
export const hexOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");
export const textBytes = (text: string) => new Uint8Array(Buffer.from(text));

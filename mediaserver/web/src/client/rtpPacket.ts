/** RTP packets (RFC 3550 section 5.1) as they travel in binary messages. Pure. */

const HEADER_BYTES = 12;

export interface RtpFields {
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

export interface RtpPacket extends RtpFields {
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Fields wrap as they do on the wire: 16 bits of sequence, 32 of timestamp. */
export function buildPacket(fields: RtpFields, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, fields.payloadType & 0x7f);
  view.setUint16(2, fields.sequence & 0xffff);
  view.setUint32(4, fields.timestamp >>> 0);
  view.setUint32(8, fields.ssrc >>> 0);
  packet.set(payload, HEADER_BYTES);
  return packet;
}

/** `null` for what is no RTP packet. Contributing sources, extension and padding are left out. */
export function parsePacket(message: ArrayBuffer): RtpPacket | null {
  if (message.byteLength < HEADER_BYTES) return null;
  const view = new DataView(message);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return null;
  let begin = HEADER_BYTES + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (message.byteLength < begin + 4) return null;
    begin += 4 + 4 * view.getUint16(begin + 2);
  }
  const padding = first & 0x20 ? view.getUint8(message.byteLength - 1) : 0;
  const length = message.byteLength - begin - padding;
  if (length < 0) return null;
  return {
    payloadType: view.getUint8(1) & 0x7f,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: new Uint8Array(message, begin, length),
  };
}

//! SRTP and SRTCP for one direction of one stream (RFC 3711, RFC 7714): seal what goes out, open
//! what comes in. Written to be fast in a generator: no replay window, one SSRC a direction.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;

use crate::hmac::HmacSha1;
use crate::rtp;

const MASTER_KEY_BYTES: usize = 16;
const MAC_TAG_BYTES: usize = 10;
const GCM_TAG_BYTES: usize = 16;
const BLOCK_BYTES: usize = 16;
/// Key stream made at once: enough for a voice packet.
const STREAM_BYTES: usize = 8 * BLOCK_BYTES;
const RTCP_HEADER_BYTES: usize = 8;
const RTCP_INDEX_BYTES: usize = 4;
const RTCP_IS_ENCRYPTED: u32 = 0x8000_0000;

/// How packets are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Aes128CmSha1,
    Aes128Gcm,
}

impl Profile {
    /// The name that OpenSSL knows.
    pub fn openssl_name(self) -> &'static str {
        match self {
            Self::Aes128CmSha1 => "SRTP_AES128_CM_SHA1_80",
            Self::Aes128Gcm => "SRTP_AEAD_AES_128_GCM",
        }
    }

    fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1 => 14,
            Self::Aes128Gcm => 12,
        }
    }

    fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128CmSha1 => MAC_TAG_BYTES,
            Self::Aes128Gcm => GCM_TAG_BYTES,
        }
    }
}

/// A master key with its salt, padded to 14 bytes (RFC 7714 section 11).
#[derive(Clone, Copy)]
pub struct MasterKey {
    pub key: [u8; MASTER_KEY_BYTES],
    pub salt: [u8; 14],
}

/// Keying material of DTLS in the order of RFC 5764 section 4.2.
pub fn keying_material_bytes(profile: Profile) -> usize {
    2 * (MASTER_KEY_BYTES + profile.salt_bytes())
}

/// Splits exported keying material into the client's and the server's master key.
pub fn split_keying_material(profile: Profile, material: &[u8]) -> (MasterKey, MasterKey) {
    let (keys, salts) = material.split_at(2 * MASTER_KEY_BYTES);
    let pick = |side: usize| {
        let size = profile.salt_bytes();
        let mut salt = [0; 14];
        salt[..size].copy_from_slice(&salts[side * size..][..size]);
        let key = keys[side * MASTER_KEY_BYTES..][..MASTER_KEY_BYTES].try_into();
        MasterKey { key: key.expect("sixteen bytes"), salt }
    };
    (pick(0), pick(1))
}

/// A packet that could not be opened.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenError {
    TooShort,
    NotAuthentic,
}

/// The session keys of RTP or of RTCP in one direction.
struct Keys {
    profile: Profile,
    cipher: CipherCtx,
    mac: HmacSha1,
    salt: [u8; 14],
}

impl Keys {
    fn derive(profile: Profile, master: &MasterKey, first_label: u8, is_opener: bool) -> Self {
        let (mut key, mut mac_key, mut salt) = ([0; MASTER_KEY_BYTES], [0; 20], [0; 14]);
        derive_into(master, first_label, &mut key);
        derive_into(master, first_label + 1, &mut mac_key);
        derive_into(master, first_label + 2, &mut salt[..profile.salt_bytes()]);
        Self::new(profile, &key, &mac_key, salt, is_opener)
    }

    fn new(profile: Profile, key: &[u8], mac: &[u8], salt: [u8; 14], is_opener: bool) -> Self {
        let mut cipher = CipherCtx::new().expect("memory for a cipher");
        match (profile, is_opener) {
            (Profile::Aes128CmSha1, _) => {
                cipher.encrypt_init(Some(Cipher::aes_128_ecb()), Some(key), None)
            }
            (Profile::Aes128Gcm, false) => {
                cipher.encrypt_init(Some(Cipher::aes_128_gcm()), Some(key), None)
            }
            (Profile::Aes128Gcm, true) => {
                cipher.decrypt_init(Some(Cipher::aes_128_gcm()), Some(key), None)
            }
        }
        .expect("AES-128 exists");
        cipher.set_padding(false);
        Self { profile, cipher, mac: HmacSha1::new(mac), salt }
    }

    /// RFC 3711 section 4.1.1. The counter blocks are made here and enciphered in one call: giving
    /// OpenSSL 3 a new counter for each packet takes longer than the packet.
    fn apply_counter_mode(&mut self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut counter = [0u8; BLOCK_BYTES];
        counter[4..8].copy_from_slice(&ssrc.to_be_bytes());
        counter[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        counter.iter_mut().zip(&self.salt).for_each(|(byte, salt)| *byte ^= salt);
        let mut stream = [0u8; STREAM_BYTES + BLOCK_BYTES];
        for (run, data) in data.chunks_mut(STREAM_BYTES).enumerate() {
            let length = data.len().next_multiple_of(BLOCK_BYTES);
            let first = run * STREAM_BYTES / BLOCK_BYTES;
            for (place, block) in stream[..length].chunks_exact_mut(BLOCK_BYTES).enumerate() {
                block.copy_from_slice(&counter);
                block[14..].copy_from_slice(&((first + place) as u16).to_be_bytes());
            }
            self.cipher.cipher_update_inplace(&mut stream, length).expect("whole blocks are taken");
            data.iter_mut().zip(&stream).for_each(|(byte, key)| *byte ^= key);
        }
    }

    fn tag(&self, authenticated: &[u8], trailer: u32) -> [u8; MAC_TAG_BYTES] {
        let mac = self.mac.mac(authenticated, &trailer.to_be_bytes());
        mac[..MAC_TAG_BYTES].try_into().expect("ten of twenty bytes")
    }

    /// RFC 7714 sections 8.1 and 9.1; `index` holds ROC and SEQ, or the SRTCP index.
    fn gcm_iv(&self, ssrc: u32, index: u64) -> [u8; 12] {
        let mut iv = [0u8; 12];
        iv[2..6].copy_from_slice(&ssrc.to_be_bytes());
        iv[6..12].copy_from_slice(&index.to_be_bytes()[2..]);
        iv.iter_mut().zip(&self.salt).for_each(|(byte, salt)| *byte ^= salt);
        iv
    }

    fn gcm_seal(&mut self, iv: [u8; 12], extra: [&[u8]; 2], data: &mut [u8]) -> [u8; 16] {
        let mut tag = [0; GCM_TAG_BYTES];
        let cipher = &mut self.cipher;
        let length = data.len();
        cipher.encrypt_init(None, None, Some(&iv)).expect("a nonce is accepted");
        for part in extra.into_iter().filter(|part| !part.is_empty()) {
            cipher.cipher_update(part, None).expect("GCM takes extra data");
        }
        cipher.cipher_update_inplace(data, length).expect("GCM seals");
        cipher.cipher_final(&mut []).expect("GCM seals");
        cipher.tag(&mut tag).expect("GCM has a tag");
        tag
    }

    fn gcm_open(
        &mut self,
        iv: [u8; 12],
        extra: [&[u8]; 2],
        data: &mut [u8],
        tag: &[u8],
    ) -> Result<(), OpenError> {
        let cipher = &mut self.cipher;
        let length = data.len();
        cipher.decrypt_init(None, None, Some(&iv)).expect("a nonce is accepted");
        for part in extra.into_iter().filter(|part| !part.is_empty()) {
            cipher.cipher_update(part, None).expect("GCM takes extra data");
        }
        cipher.cipher_update_inplace(data, length).expect("GCM opens");
        cipher.set_tag(tag).expect("sixteen bytes");
        cipher.cipher_final(&mut []).map(|_| ()).map_err(|_| OpenError::NotAuthentic)
    }
}

/// RFC 3711 section 4.3.1 with a key derivation rate of zero.
fn derive_into(master: &MasterKey, label: u8, output: &mut [u8]) {
    let mut iv = [0u8; 16];
    iv[..14].copy_from_slice(&master.salt);
    iv[7] ^= label;
    let mut cipher = CipherCtx::new().expect("memory for a cipher");
    cipher
        .encrypt_init(Some(Cipher::aes_128_ctr()), Some(&master.key), Some(&iv))
        .expect("AES-128 exists");
    output.fill(0);
    let length = output.len();
    cipher.cipher_update_inplace(output, length).expect("counter mode cannot fail");
}

/// Seals one stream.
pub struct Sealer {
    rtp: Keys,
    rtcp: Keys,
    rollovers: u32,
    last_sequence: Option<u16>,
    rtcp_index: u32,
}

impl Sealer {
    pub fn new(profile: Profile, master: &MasterKey) -> Self {
        Self {
            rtp: Keys::derive(profile, master, 0, false),
            rtcp: Keys::derive(profile, master, 3, false),
            rollovers: 0,
            last_sequence: None,
            rtcp_index: 0,
        }
    }

    /// Seals the packet in the first `length` bytes of `buffer`; returns the new length. Packets
    /// must come in the order of their sequence numbers, the header without extension or sources.
    pub fn seal_rtp(&mut self, buffer: &mut [u8], length: usize) -> usize {
        let sequence = rtp::sequence(buffer);
        if self.last_sequence.is_some_and(|last| sequence < last) {
            self.rollovers = self.rollovers.wrapping_add(1);
        }
        self.last_sequence = Some(sequence);
        let ssrc = rtp::ssrc(buffer);
        let index = (u64::from(self.rollovers) << 16) | u64::from(sequence);
        let end = length + self.rtp.profile.tag_bytes();
        let (header, rest) = buffer.split_at_mut(rtp::HEADER_BYTES);
        let payload = &mut rest[..length - rtp::HEADER_BYTES];
        match self.rtp.profile {
            Profile::Aes128CmSha1 => {
                self.rtp.apply_counter_mode(ssrc, index, payload);
                let tag = self.rtp.tag(&buffer[..length], self.rollovers);
                buffer[length..end].copy_from_slice(&tag);
            }
            Profile::Aes128Gcm => {
                let iv = self.rtp.gcm_iv(ssrc, index);
                let tag = self.rtp.gcm_seal(iv, [header, &[]], payload);
                buffer[length..end].copy_from_slice(&tag);
            }
        }
        end
    }

    /// Seals the RTCP packet in the first `length` bytes of `buffer`; returns the new length.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], length: usize) -> usize {
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & !RTCP_IS_ENCRYPTED;
        let trailer = index | RTCP_IS_ENCRYPTED;
        let ssrc = u32::from_be_bytes([buffer[4], buffer[5], buffer[6], buffer[7]]);
        let (header, rest) = buffer.split_at_mut(RTCP_HEADER_BYTES);
        let body = &mut rest[..length - RTCP_HEADER_BYTES];
        match self.rtcp.profile {
            Profile::Aes128CmSha1 => {
                self.rtcp.apply_counter_mode(ssrc, u64::from(index), body);
                let tag = self.rtcp.tag(&buffer[..length], trailer);
                buffer[length..length + 4].copy_from_slice(&trailer.to_be_bytes());
                buffer[length + 4..][..MAC_TAG_BYTES].copy_from_slice(&tag);
            }
            Profile::Aes128Gcm => {
                let iv = self.rtcp.gcm_iv(ssrc, u64::from(index));
                let tag = self.rtcp.gcm_seal(iv, [header, &trailer.to_be_bytes()], body);
                buffer[length..][..GCM_TAG_BYTES].copy_from_slice(&tag);
                buffer[length + GCM_TAG_BYTES..][..4].copy_from_slice(&trailer.to_be_bytes());
            }
        }
        length + RTCP_INDEX_BYTES + self.rtcp.profile.tag_bytes()
    }
}

/// Opens one stream.
pub struct Opener {
    rtp: Keys,
    rtcp: Keys,
    highest_index: Option<u64>,
}

impl Opener {
    pub fn new(profile: Profile, master: &MasterKey) -> Self {
        Self {
            rtp: Keys::derive(profile, master, 0, true),
            rtcp: Keys::derive(profile, master, 3, true),
            highest_index: None,
        }
    }

    /// Opens an RTP packet in place; returns the length of header and payload.
    pub fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let header_end = rtp::header_end(packet).ok_or(OpenError::TooShort)?;
        let length = packet
            .len()
            .checked_sub(self.rtp.profile.tag_bytes())
            .filter(|&length| length >= header_end)
            .ok_or(OpenError::TooShort)?;
        let index = self.likely_index(rtp::sequence(packet));
        let ssrc = rtp::ssrc(packet);
        let (sealed, tag) = packet.split_at_mut(length);
        match self.rtp.profile {
            Profile::Aes128CmSha1 => {
                if self.rtp.tag(sealed, (index >> 16) as u32) != *tag {
                    return Err(OpenError::NotAuthentic);
                }
                self.rtp.apply_counter_mode(ssrc, index, &mut sealed[header_end..]);
            }
            Profile::Aes128Gcm => {
                let iv = self.rtp.gcm_iv(ssrc, index);
                let (header, payload) = sealed.split_at_mut(header_end);
                self.rtp.gcm_open(iv, [header, &[]], payload, tag)?;
            }
        }
        self.highest_index = Some(self.highest_index.map_or(index, |high| high.max(index)));
        Ok(length)
    }

    /// Opens an RTCP packet in place; returns its length.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, OpenError> {
        let length = packet
            .len()
            .checked_sub(self.rtcp.profile.tag_bytes() + RTCP_INDEX_BYTES)
            .filter(|&length| length >= RTCP_HEADER_BYTES)
            .ok_or(OpenError::TooShort)?;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let (sealed, end) = packet.split_at_mut(length);
        let (header, body) = sealed.split_at_mut(RTCP_HEADER_BYTES);
        match self.rtcp.profile {
            Profile::Aes128CmSha1 => {
                let (trailer, tag) = end.split_at(RTCP_INDEX_BYTES);
                let trailer = u32::from_be_bytes(trailer.try_into().expect("four bytes"));
                if self.rtcp.tag(sealed, trailer) != *tag {
                    return Err(OpenError::NotAuthentic);
                }
                if trailer & RTCP_IS_ENCRYPTED != 0 {
                    let index = u64::from(trailer & !RTCP_IS_ENCRYPTED);
                    let body = &mut sealed[RTCP_HEADER_BYTES..];
                    self.rtcp.apply_counter_mode(ssrc, index, body);
                }
            }
            Profile::Aes128Gcm => {
                let (tag, trailer) = end.split_at(GCM_TAG_BYTES);
                let word = u32::from_be_bytes((*trailer).try_into().expect("four bytes"));
                let iv = self.rtcp.gcm_iv(ssrc, u64::from(word & !RTCP_IS_ENCRYPTED));
                self.rtcp.gcm_open(iv, [header, trailer], body, tag)?;
            }
        }
        Ok(length)
    }

    /// The index nearest to the highest one seen (RFC 3711 section 3.3.1).
    fn likely_index(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest_index else {
            return u64::from(sequence);
        };
        let step = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(i64::from(step)).unwrap_or(u64::from(sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::bytes;

    /// The most that sealing adds to a packet.
    const MAX_OVERHEAD_BYTES: usize = GCM_TAG_BYTES + RTCP_INDEX_BYTES;

    fn master() -> MasterKey {
        MasterKey {
            key: bytes("e1f97a0d3e018be0d64fa32c06de4139").try_into().unwrap(),
            salt: bytes("0ec675ad498afeebb6960b3aabe6").try_into().unwrap(),
        }
    }

    fn pair(profile: Profile) -> (Sealer, Opener) {
        (Sealer::new(profile, &master()), Opener::new(profile, &master()))
    }

    fn rtp_packet(sequence: u16) -> Vec<u8> {
        let mut packet = bytes("800f1234decafbadcafebabe abababababababababababababababab");
        packet[2..4].copy_from_slice(&sequence.to_be_bytes());
        packet
    }

    fn sealed(sealer: &mut Sealer, packet: &[u8]) -> Vec<u8> {
        let mut buffer = packet.to_vec();
        buffer.resize(packet.len() + MAX_OVERHEAD_BYTES, 0);
        let length = sealer.seal_rtp(&mut buffer, packet.len());
        buffer.truncate(length);
        buffer
    }

    #[test]
    fn the_key_stream_is_that_of_rfc_3711_b_2() {
        let mut salt = [0; 14];
        salt.copy_from_slice(&bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd"));
        let key = bytes("2b7e151628aed2a6abf7158809cf4f3c");
        let mut keys = Keys::new(Profile::Aes128CmSha1, &key, &[0; 20], salt, false);
        let mut stream = [0; 48];

        keys.apply_counter_mode(0, 0, &mut stream);

        assert_eq!(stream[..16], bytes("e03ead0935c95e80e166b16dd92b4eb4"));
        assert_eq!(stream[16..32], bytes("d23513162b02d0f72a43a2fe4a5f97ab"));
        assert_eq!(stream[32..], bytes("41e95b3bb0a2e8dd477901e4fca894c0"));
    }

    #[test]
    fn a_long_key_stream_is_that_of_plain_counter_mode() {
        let key = [7; 16];
        let mut keys = Keys::new(Profile::Aes128CmSha1, &key, &[0; 20], [0; 14], false);
        let mut stream = [0; 1_000];

        keys.apply_counter_mode(0, 0, &mut stream);

        let plain = [0; 1_000];
        let cipher = openssl::symm::Cipher::aes_128_ctr();
        let expected = openssl::symm::encrypt(cipher, &key, Some(&[0; 16]), &plain).unwrap();
        assert_eq!(stream.to_vec(), expected);
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let (mut key, mut mac, mut salt) = ([0; 16], [0; 20], [0; 14]);
        derive_into(&master(), 0, &mut key);
        derive_into(&master(), 1, &mut mac);
        derive_into(&master(), 2, &mut salt);

        assert_eq!(key.to_vec(), bytes("c61e7a93744f39ee10734afe3ff7a087"));
        assert_eq!(mac.to_vec(), bytes("cebe321f6ff7716b6fd4ab49af256a156d38baa4"));
        assert_eq!(salt.to_vec(), bytes("30cbbc08863d8c85d49db34a9ae1"));
    }

    #[test]
    fn a_sealed_rtp_packet_is_that_of_libsrtp() {
        let (mut sealer, _) = pair(Profile::Aes128CmSha1);

        assert_eq!(
            sealed(&mut sealer, &rtp_packet(0x1234)),
            bytes("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb")
        );
    }

    #[test]
    fn a_sealed_rtcp_packet_is_that_of_libsrtp() {
        let (mut sealer, mut opener) = pair(Profile::Aes128CmSha1);
        sealer.rtcp_index = 1;
        let plain = bytes("81c8000bcafebabe abababababababababababababababab");
        let mut buffer = plain.clone();
        buffer.resize(64, 0);

        let length = sealer.seal_rtcp(&mut buffer, plain.len());

        assert_eq!(
            buffer[..length],
            bytes(
                "81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"
            )
        );
        assert_eq!(opener.open_rtcp(&mut buffer[..length]), Ok(plain.len()));
        assert_eq!(buffer[..plain.len()], plain);
    }

    #[test]
    fn a_gcm_packet_is_that_of_rfc_7714_16_1_1() {
        let header = bytes("8040f17b 8041f8d3 5501a0b2");
        let mut payload = b"Gallia est omnis divisa in partes tres".to_vec();
        let mut salt = [0; 14];
        salt[..12].copy_from_slice(b"Quid pro quo");
        let key = bytes("000102030405060708090a0b0c0d0e0f");
        let mut keys = Keys::new(Profile::Aes128Gcm, &key, &[], salt, false);
        let iv = keys.gcm_iv(0x5501_a0b2, 0xf17b);

        let tag = keys.gcm_seal(iv, [&header, &[]], &mut payload);

        assert_eq!(iv.to_vec(), bytes("51753c6580c2726f20718414"));
        assert_eq!(
            payload,
            bytes("f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833")
        );
        assert_eq!(tag.to_vec(), bytes("899d7f27beb16a9152cf765ee4390cce"));
    }

    #[test]
    fn what_is_sealed_opens_across_a_rollover_in_any_near_order() {
        for profile in [Profile::Aes128CmSha1, Profile::Aes128Gcm] {
            let (mut sealer, mut opener) = pair(profile);
            let mut packets: Vec<Vec<u8>> = (0..300u16)
                .map(|step| sealed(&mut sealer, &rtp_packet(65_400u16.wrapping_add(step))))
                .collect();
            packets.swap(135, 137);

            for packet in &mut packets {
                let plain = rtp_packet(rtp::sequence(packet));
                assert_eq!(opener.open_rtp(packet), Ok(plain.len()));
                assert_eq!(packet[..plain.len()], plain);
            }
        }
    }

    #[test]
    fn rtcp_opens_with_both_profiles() {
        for profile in [Profile::Aes128CmSha1, Profile::Aes128Gcm] {
            let (mut sealer, mut opener) = pair(profile);
            let plain = bytes("81c90001cafebabe 01020304");
            let mut buffer = plain.clone();
            buffer.resize(64, 0);

            let length = sealer.seal_rtcp(&mut buffer, plain.len());

            assert_eq!(opener.open_rtcp(&mut buffer[..length]), Ok(plain.len()));
            assert_eq!(buffer[..plain.len()], plain);
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_not_authentic() {
        for profile in [Profile::Aes128CmSha1, Profile::Aes128Gcm] {
            let (mut sealer, mut opener) = pair(profile);
            let packet = sealed(&mut sealer, &rtp_packet(1));
            for position in 1..packet.len() {
                let mut forged = packet.clone();
                forged[position] ^= 0x04;

                assert_eq!(opener.open_rtp(&mut forged), Err(OpenError::NotAuthentic));
            }
        }
    }

    #[test]
    fn a_packet_without_room_for_a_tag_is_too_short() {
        let (_, mut opener) = pair(Profile::Aes128CmSha1);

        assert_eq!(opener.open_rtp(&mut rtp_packet(1)[..20]), Err(OpenError::TooShort));
        assert_eq!(opener.open_rtp(&mut []), Err(OpenError::TooShort));
        assert_eq!(opener.open_rtcp(&mut [0x80; 12]), Err(OpenError::TooShort));
    }

    #[test]
    fn keying_material_is_split_into_keys_then_salts() {
        for profile in [Profile::Aes128CmSha1, Profile::Aes128Gcm] {
            let size = keying_material_bytes(profile);
            let material: Vec<u8> = (0..size as u8).collect();

            let (client, server) = split_keying_material(profile, &material);

            assert_eq!((client.key[0], server.key[0], client.salt[0]), (0, 16, 32));
            assert_eq!(server.salt[0] as usize, 32 + profile.salt_bytes());
        }
    }
}

//! HMAC-SHA1 (RFC 2104) with the two key blocks hashed beforehand: one call costs four SHA-1
//! blocks for a voice packet. OpenSSL 3's own HMAC allocates on each call.

use openssl::sha::Sha1;

pub const MAC_BYTES: usize = 20;
const BLOCK_BYTES: usize = 64;

#[derive(Clone)]
pub struct HmacSha1 {
    inner: Sha1,
    outer: Sha1,
}

impl HmacSha1 {
    pub fn new(key: &[u8]) -> Self {
        let mut block = [0u8; BLOCK_BYTES];
        if key.len() > BLOCK_BYTES {
            block[..MAC_BYTES].copy_from_slice(&openssl::sha::sha1(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let (mut inner, mut outer) = (Sha1::new(), Sha1::new());
        inner.update(&block.map(|byte| byte ^ 0x36));
        outer.update(&block.map(|byte| byte ^ 0x5c));
        Self { inner, outer }
    }

    /// The code over `first` and `second` as one message.
    pub fn mac(&self, first: &[u8], second: &[u8]) -> [u8; MAC_BYTES] {
        let mut inner = self.inner.clone();
        inner.update(first);
        inner.update(second);
        let mut outer = self.outer.clone();
        outer.update(&inner.finish());
        outer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::bytes;

    #[test]
    fn follows_rfc_2202() {
        let short = HmacSha1::new(b"Jefe");
        assert_eq!(
            short.mac(b"what do ya want ", b"for nothing?").to_vec(),
            bytes("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        );

        let long = HmacSha1::new(&[0xaa; 80]);
        assert_eq!(
            long.mac(b"Test Using Larger Than Block-Size Key - Hash Key First", b"").to_vec(),
            bytes("aa4ae5e15272d00e95705637ce8a3b55ed402112")
        );
    }
}

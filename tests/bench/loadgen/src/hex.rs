//! Hexadecimal text for fingerprints, tokens and the vectors of tests.

/// Lower-case hexadecimal digits of `bytes`.
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Upper-case digits with colons, as `a=fingerprint` writes them (RFC 8122 section 5).
pub fn fingerprint(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

/// Reads digits, spaces between them allowed. Panics on anything else: for literals in tests.
#[cfg(test)]
pub fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fingerprint_is_upper_case_with_colons() {
        assert_eq!(super::fingerprint(&[0xab, 0x01]), "AB:01");
    }
}

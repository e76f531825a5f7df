//! Stream's signature: the HMAC-SHA256 of the body as it was sent, in hexadecimal digits.

use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether this is the signature of the body, found out in a time that tells nothing about the right one.
pub fn is_signed(secret: &str, body: &[u8], signature: &str) -> bool {
    match (code(secret, body), hex::decode(signature)) {
        (Ok(code), Ok(given)) => code.verify_slice(&given).is_ok(),
        _ => false,
    }
}

/// The signature of a body. HMAC takes secrets of any length: it fails in its type only.
pub fn sign(secret: &str, body: &[u8]) -> Result<String, InvalidLength> {
    Ok(hex::encode(code(secret, body)?.finalize().into_bytes()))
}

fn code(secret: &str, body: &[u8]) -> Result<Hmac<Sha256>, InvalidLength> {
    Ok(Hmac::new_from_slice(secret.as_bytes())?.chain_update(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const BODY: &[u8] = b"what do ya want for nothing?";
    const SIGNATURE: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn signs_as_the_standard_says() {
        assert_eq!(sign("Jefe", BODY).unwrap(), SIGNATURE);
    }

    #[test]
    fn only_the_whole_signature_of_this_very_body_counts() {
        assert!(is_signed("Jefe", BODY, SIGNATURE));
        assert!(is_signed("Jefe", BODY, &SIGNATURE.to_uppercase()));
        assert!(!is_signed("jefe", BODY, SIGNATURE));
        assert!(!is_signed("Jefe", b"what do ya want for nothing!", SIGNATURE));
        let changed = SIGNATURE.replacen('5', "6", 1);
        for wrong in ["", "5b", &SIGNATURE[..62], &SIGNATURE[..63], &format!("{SIGNATURE}00"), &changed, "not hex"] {
            assert!(!is_signed("Jefe", BODY, wrong), "{wrong}");
        }
    }
}

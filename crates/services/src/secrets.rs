//! The keys with which the server signs and recognises its own values. All are derived from one secret that all
//! instances share.

use gametriggers_domain::selection::Seed;
use gametriggers_types::{AddressKey, DecisionId};
use hmac::{Hmac, KeyInit, Mac, digest::array::Array};
use sha2::Sha256;

/// The derived keys. Servers with the same master secret have the same keys.
pub struct Secrets {
    receipt: [u8; 32],
    seed: [u8; 32],
    visitor: [u8; 32],
}

impl Secrets {
    /// Derives the keys from the master secret: HMAC-SHA-256 of a label for each.
    #[must_use]
    pub fn derive(master: &[u8]) -> Self {
        let key = |label: &str| mac(master, &[label.as_bytes()]);
        Self {
            receipt: key("gametriggers receipt v1"),
            seed: key("gametriggers seed v1"),
            visitor: key("gametriggers visitor v1"),
        }
    }

    /// The seed of a decision. It cannot be predicted without the secret, and every instance derives the same.
    pub(crate) fn seed(&self, decision: DecisionId) -> Seed {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac(&self.seed, &[decision.to_string().as_bytes()])[..16]);
        Seed::new(bytes)
    }

    /// An identifier of a visitor that is valid for one hour. It cannot be turned back into an address.
    pub(crate) fn visitor(&self, hour: i64, address: AddressKey, agent: &str) -> String {
        let parts = [hour.to_string(), address.to_string(), agent.to_owned()];
        hex::encode(&mac(&self.visitor, &parts.each_ref().map(String::as_bytes))[..16])
    }

    /// An identifier of a network address that is valid for one hour. It cannot be turned back into an address.
    pub(crate) fn address(&self, hour: i64, address: AddressKey) -> String {
        let parts = [hour.to_string(), address.to_string()];
        hex::encode(&mac(&self.visitor, &parts.each_ref().map(String::as_bytes))[..16])
    }

    /// The signature of a receipt's parts.
    pub(crate) fn sign_receipt(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut signature = [0; 16];
        signature.copy_from_slice(&mac(&self.receipt, parts)[..16]);
        signature
    }

    /// Checks the signature of a receipt's parts, in constant time.
    pub(crate) fn verify_receipt(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        signature.len() == 16 && keyed(&self.receipt, parts).verify_truncated_left(signature).is_ok()
    }
}

/// HMAC-SHA-256 over the parts. Each part is preceded by its length, so that different lists cannot give the same
/// bytes.
fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC takes a key of any length; the fallback is never reached.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Array::default()));
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    keyed(key, parts).finalize().into_bytes().into()
}

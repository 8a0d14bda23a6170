//! The workspace's secret, and the hash that stands for a listener.

use std::fmt;

use crate::digest::Canonical;

/// 256 secret bits. Whoever holds them can tell whether a given listener is in the data.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

/// A text that is not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret must be 64 hexadecimal digits")]
pub struct SecretError;

impl Secret {
    /// Draws a new secret from the system's randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let bytes = const_hex::decode(text.trim()).map_err(|_| SecretError)?;
        bytes.try_into().map(Self).map_err(|_| SecretError)
    }

    /// The digits, for the file that keeps them.
    pub fn reveal(&self) -> String {
        const_hex::encode(self.0)
    }

    /// What tells two secrets apart without telling either.
    pub fn fingerprint(&self) -> String {
        Canonical::new("tantieme secret fingerprint 1").bytes(&self.0).digest().short()
    }

    /// The key for one service's listeners.
    pub fn listener_key(&self, service: &str) -> ListenerKey {
        ListenerKey(*blake3::keyed_hash(&self.0, service.as_bytes()).as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.fingerprint())
    }
}

/// Hashes the listeners of one service.
#[derive(Clone)]
pub struct ListenerKey([u8; 32]);

impl ListenerKey {
    /// 128 bits that stand for a listener: the first half of BLAKE3 keyed by service.
    pub fn hash(&self, listener: &str) -> u128 {
        let hash = blake3::keyed_hash(&self.0, listener.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hash.as_bytes()[..16]);
        u128::from_be_bytes(half)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_another_one_elsewhere() {
        let secret = Secret::generate().unwrap();
        assert_eq!(Secret::parse(&secret.reveal()), Ok(secret.clone()));
        let hash = |service: &str| secret.listener_key(service).hash("u1");
        assert_eq!(hash("cloud"), hash("cloud"));
        assert_ne!(hash("cloud"), hash("radio"));
        assert!(!format!("{secret:?}").contains(&secret.reveal()));
    }
}

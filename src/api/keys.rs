//! Keys: made, listed, revoked. A key is shown once, when it is made; what is kept is its digest.

use std::fmt;

use crate::digest::Digest;
use crate::ident::{Name, key_of};
use crate::store::statements::api::{KEY_ADD, KEY_REVOKE, KEYS, PARTY_KNOWN};
use crate::store::{Store, StoreError, Value};

/// What a key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A party's statements.
    Payee(Name),
    /// A party's statements, and the lines on others' that it pays or receives.
    Label(Name),
    /// Everything that is published.
    All,
}

impl Scope {
    /// One word, as the database writes it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Payee(_) => "payee",
            Self::Label(_) => "label",
            Self::All => "all",
        }
    }

    /// Whose it is, unless it is everybody's.
    pub const fn party(&self) -> Option<&Name> {
        match self {
            Self::Payee(party) | Self::Label(party) => Some(party),
            Self::All => None,
        }
    }

    /// Reads what the database holds.
    pub(super) fn read(word: &str, party: Option<&str>) -> Option<Self> {
        let name = || Name::parse(party?).ok();
        match word {
            "payee" => name().map(Self::Payee),
            "label" => name().map(Self::Label),
            "all" if party.is_none() => Some(Self::All),
            _ => None,
        }
    }
}

/// A key in the clear: `tnt_`, 64 hexadecimal digits of randomness, 8 that check them.
#[derive(Clone, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    const PREFIX: &'static str = "tnt_";
    const SECRET_DIGITS: usize = 64;
    const CHECK_DIGITS: usize = 8;

    /// Draws a new key from the system's randomness.
    fn generate() -> Result<Self, getrandom::Error> {
        let mut secret = [0; Self::SECRET_DIGITS / 2];
        getrandom::fill(&mut secret)?;
        let secret = const_hex::encode(secret);
        Ok(Self(format!("{}{secret}{}", Self::PREFIX, Self::check(&secret))))
    }

    /// Reads a key; what was mistyped or cut is refused without asking the database.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(Self::PREFIX)?;
        let (secret, check) = digits.split_at_checked(Self::SECRET_DIGITS)?;
        (Self::check(secret) == check).then(|| Self(text.to_owned()))
    }

    fn check(secret: &str) -> String {
        let digest = Digest::of(format!("tantieme key check 1 {secret}").as_bytes());
        digest.to_string()[..Self::CHECK_DIGITS].to_owned()
    }

    /// What is kept of it. Being looked up by this, a key is never compared byte by byte.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// The key itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain(…)")
    }
}

/// What is kept of a key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Key {
    /// Its number.
    pub id: i64,
    /// Whose it is or what for.
    pub name: String,
    /// `payee`, `label` or `all`.
    pub scope: String,
    /// That party; none for `all`.
    pub party: Option<String>,
    /// When it was made, in UTC.
    pub made_at: String,
    /// By whom.
    pub made_by: String,
    /// When it was revoked, in UTC.
    pub revoked_at: Option<String>,
    /// By whom.
    pub revoked_by: Option<String>,
}

/// Why a key was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It needs a name that can be shown.
    #[error(
        "--name needs one to 128 bytes without control characters: whose key it is, or what for"
    )]
    Name,
    /// Nobody of that id.
    #[error("no party {0:?} is known: import it first, or look at the spelling")]
    Party(String),
    /// No key of that number opens anything.
    #[error("there is no key {0} that is not revoked: `tantieme key list` shows them")]
    Unknown(i64),
    /// No randomness to be had.
    #[error("cannot draw a key: {0}")]
    Random(getrandom::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key; returns its number and, this once, the key.
pub async fn add(
    store: &Store,
    name: &str,
    scope: &Scope,
    by: &str,
) -> Result<(i64, Plain), KeyError> {
    const NAME_BYTES_MAX: usize = 128;
    let name = name.trim();
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
        return Err(KeyError::Name);
    }
    let mut tx = store.write().await?;
    if let Some(party) = scope.party() {
        let known = tx.row(PARTY_KNOWN, &[key_of([party.as_str()]).into()]).await?;
        known.ok_or_else(|| KeyError::Party(party.to_string()))?;
    }
    let plain = Plain::generate().map_err(KeyError::Random)?;
    let values: [Value; 6] = [
        name.into(),
        plain.digest().to_string().into(),
        scope.word().into(),
        scope.party().map(ToString::to_string).into(),
        crate::now().into(),
        by.into(),
    ];
    let row = tx.row(KEY_ADD, &values).await?;
    let id = row.map(|row| row.int(0)).transpose()?.unwrap_or_default();
    tx.commit().await?;
    Ok((id, plain))
}

/// All keys, oldest first, the revoked ones too.
pub async fn list(store: &Store) -> Result<Vec<Key>, StoreError> {
    let mut tx = store.read().await?;
    let rows = tx.rows(KEYS, &[]).await?;
    let key = |row: &crate::store::Row| {
        Ok(Key {
            id: row.int(0)?,
            name: row.text(1)?,
            scope: row.text(2)?,
            party: row.opt_text(3)?,
            made_at: row.text(4)?,
            made_by: row.text(5)?,
            revoked_at: row.opt_text(6)?,
            revoked_by: row.opt_text(7)?,
        })
    };
    rows.iter().map(key).collect()
}

/// Revokes a key for ever. A running server stops taking it within two seconds.
pub async fn revoke(store: &Store, id: i64, by: &str) -> Result<(), KeyError> {
    let mut tx = store.write().await?;
    let revoked = tx.run(KEY_REVOKE, &[id.into(), crate::now().into(), by.into()]).await?;
    if revoked == 0 {
        return Err(KeyError::Unknown(id));
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_a_mistyped_one_is_not() {
        let key = Plain::generate().unwrap();
        assert_eq!(key.reveal().len(), 76);
        assert_eq!(Plain::parse(key.reveal()), Some(key.clone()));
        let turned = if key.reveal().as_bytes()[10] == b'0' { "1" } else { "0" };
        let mut wrong = key.reveal().to_owned();
        wrong.replace_range(10..11, turned);
        for text in [wrong.as_str(), "", "tnt_", &key.reveal()[4..], &key.reveal()[..75], "tnt_é"]
        {
            assert_eq!(Plain::parse(text), None, "{text}");
        }
        assert!(!format!("{key:?}").contains(&key.reveal()[4..]));
    }
}
